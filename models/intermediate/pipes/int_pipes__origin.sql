-- A table, not a view: a few rows that nearly every mart joins.
{{ config(materialized='table', post_hook='{{ analyze_table(this) }}') }}

-- One row: the point from which local meters are counted, the middle of all mains to a tenth of a
-- degree; of all breaks only if no main has a location, so that later breaks never move a main.
with breaks as (

    select * from {{ ref('int_breaks__conformed') }}

),

pipes as (

    select * from {{ ref('int_pipes__conformed') }}

),

middle_of_pipes as (

    select
        (min(longitude) + max(longitude)) / 2 as longitude,
        (min(latitude) + max(latitude)) / 2 as latitude
    from pipes

),

middle_of_breaks as (

    select
        (min(longitude) + max(longitude)) / 2 as longitude,
        (min(latitude) + max(latitude)) / 2 as latitude
    from breaks

),

middle as (

    select
        coalesce(middle_of_pipes.longitude, middle_of_breaks.longitude) as longitude,
        coalesce(middle_of_pipes.latitude, middle_of_breaks.latitude) as latitude
    from middle_of_pipes
    cross join middle_of_breaks

),

final as (

    select
        {{ rounded('longitude', 1) }} as longitude,
        {{ rounded('latitude', 1) }} as latitude
    from middle

)

select * from final
