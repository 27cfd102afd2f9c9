-- Every delivered month or line of weather is used for its station and month in
-- fct_climate_monthly, or is in int_climate__excluded with a reason.
with utility_months as (

    select
        source_name,
        load_id,
        row_number,
        station_id,
        substr(cast(month_on as text), 1, 7) as month_text
    from {{ ref('stg_utility__climate_months') }}

),

station_months as (

    select
        'ghcn_daily' as source_name,
        load_id,
        row_number,
        station_id,
        month_text
    from {{ ref('stg_ghcn__station_months') }}

),

delivered as (

    select * from utility_months
    union all
    select * from station_months

),

excluded as (

    select * from {{ ref('int_climate__excluded') }}

),

kept as (

    select
        station_id,
        substr(cast(month_on as text), 1, 7) as month_text
    from {{ ref('fct_climate_monthly') }}

)

select delivered.*
from delivered
left join excluded
    on
        delivered.source_name = excluded.source_name
        and delivered.load_id = excluded.load_id
        and delivered.row_number = excluded.row_number
left join kept
    on
        delivered.station_id = kept.station_id
        and delivered.month_text = kept.month_text
where excluded.load_id is null and kept.station_id is null
