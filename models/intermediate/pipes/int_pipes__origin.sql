-- A table, not a view: a few rows that nearly every mart joins.
{{ config(materialized='table', post_hook='{{ analyze_table(this) }}') }}

-- One row: the point from which local metres are counted, the middle of all breaks and mains to a tenth of a degree.
with breaks as (

    select * from {{ ref('int_breaks__conformed') }}

),

pipes as (

    select * from {{ ref('int_pipes__conformed') }}

),

located as (

    select longitude, latitude from breaks
    union all
    select longitude, latitude from pipes

),

final as (

    select
        {{ rounded('(min(longitude) + max(longitude)) / 2', 1) }} as longitude,
        {{ rounded('(min(latitude) + max(latitude)) / 2', 1) }} as latitude
    from located

)

select * from final
