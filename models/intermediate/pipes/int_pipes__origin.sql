-- A table, not a view: a few rows that nearly every mart joins.
{{ config(materialized='table', post_hook='{{ analyze_table(this) }}') }}

-- One row: the point from which local meters are counted, the median of all mains to a tenth of a
-- degree, so that a main with a wrong place moves no other; of all breaks only if no main has a
-- location, so that later breaks never move a main.
with breaks as (

    select * from {{ ref('int_breaks__conformed') }}

),

pipes as (

    select * from {{ ref('int_pipes__conformed') }}

),

middle_of_pipes as (

    select
        percentile_cont(0.5) within group (order by longitude) as longitude,
        percentile_cont(0.5) within group (order by latitude) as latitude
    from pipes

),

middle_of_breaks as (

    select
        percentile_cont(0.5) within group (order by longitude) as longitude,
        percentile_cont(0.5) within group (order by latitude) as latitude
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
