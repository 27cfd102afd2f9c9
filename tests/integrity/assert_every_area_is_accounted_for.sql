-- Every delivered area is in dim_areas or in int_areas__excluded with a reason, once. A row here is
-- an area whose rows that were kept are not those of dim_areas.
with utility_areas as (

    select
        source_name,
        load_id,
        row_number,
        area_id
    from {{ ref('stg_utility__areas') }}

),

neighborhoods as (

    select
        source_name,
        load_id,
        row_number,
        area_id
    from {{ ref('stg_la_city__neighborhoods') }}

),

delivered as (

    select * from utility_areas
    union all
    select * from neighborhoods

),

excluded as (

    select * from {{ ref('int_areas__excluded') }}

),

kept as (

    select
        delivered.area_id,
        count(*) as row_count
    from delivered
    left join excluded
        on
            delivered.source_name = excluded.source_name
            and delivered.load_id = excluded.load_id
            and delivered.row_number = excluded.row_number
    where excluded.load_id is null
    group by 1

),

areas as (

    select
        area_id,
        count(*) as row_count
    from {{ ref('dim_areas') }}
    group by 1

)

select
    coalesce(kept.area_id, areas.area_id) as area_id,
    kept.row_count as kept_count,
    areas.row_count as area_count
from kept
full outer join areas
    on kept.area_id = areas.area_id
where coalesce(kept.row_count, 0) <> coalesce(areas.row_count, 0)
