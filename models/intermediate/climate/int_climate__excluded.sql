-- One row per delivered month (a utility's) or line (of a station, month and element) that no mart
-- uses, with the reason.
with utility_months as (

    select * from {{ ref('stg_utility__climate_months') }}

),

station_months as (

    select * from {{ ref('stg_ghcn__station_months') }}

),

days as (

    select * from {{ ref('stg_ghcn__daily_observations') }}

),

utility_versions as (

    select
        utility_months.*,
        row_number() over (
            partition by station_id, month_on
            order by {{ newest_first() }}
        ) as version
    from utility_months

),

valid_lines as (

    select
        load_id,
        row_number
    from days
    where is_valid
    group by 1, 2

),

line_versions as (

    select
        station_months.*,
        valid_lines.load_id is not null as has_valid_day,
        -- a line without a valid day does not supersede one that has some
        row_number() over (
            partition by
                station_months.station_id,
                station_months.month_text,
                station_months.element,
                valid_lines.load_id is not null
            order by
                station_months.loaded_at desc,
                {{ byte_order('station_months.load_id') }} asc,
                station_months.row_number asc
        ) as version
    from station_months
    left join valid_lines
        on
            station_months.load_id = valid_lines.load_id
            and station_months.row_number = valid_lines.row_number

),

unioned as (

    select
        'climate' as source_name,
        load_id,
        row_number,
        case when version > 1 then 'superseded_by_later_delivery' end as exclusion_reason
    from utility_versions

    union all

    select
        'ghcn_daily' as source_name,
        load_id,
        row_number,
        case
            when element is null or element not in ('TMAX', 'TMIN', 'PRCP') then 'element_not_used'
            when not has_valid_day then 'no_valid_day'
            when version > 1 then 'superseded_by_later_delivery'
        end as exclusion_reason
    from line_versions

),

final as (

    select
        source_name,
        load_id,
        row_number,
        exclusion_reason
    from unioned
    where exclusion_reason is not null

)

select * from final
