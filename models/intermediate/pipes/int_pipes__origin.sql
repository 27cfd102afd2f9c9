-- A table, not a view: a few rows that nearly every mart joins.
{{ config(materialized='table', post_hook='{{ analyze_table(this) }}') }}

-- One row: the point from which local meters are counted, the median of all mains to a tenth of a
-- degree, so that a main with a wrong place moves no other; null if no main has a location. It
-- reads no breaks, so that later ones never move a main and a month's refresh builds no main again.
with pipes as (

    select * from {{ ref('int_pipes__conformed') }}

),

final as (

    select {{ middle_place() }}
    from pipes

)

select * from final
