-- A table, not a view: a few rows that nearly every mart joins.
{{ config(materialized='table', post_hook='{{ analyze_table(this) }}') }}

-- One row: the point from which local meters are counted, the median of all mains to a tenth of a
-- degree, so that a main with a wrong place moves no other; null if no main has a location. It
-- reads no breaks, so that later ones never move a main and a month's refresh builds no main again.
with pipes as (

    select * from {{ ref('int_pipes__conformed') }}

),

middle as (

    select
        percentile_cont(0.5) within group (order by longitude) as longitude,
        percentile_cont(0.5) within group (order by latitude) as latitude
    from pipes

),

final as (

    select
        {{ rounded('longitude', 1) }} as longitude,
        {{ rounded('latitude', 1) }} as latitude
    from middle

)

select * from final
