-- One row: the point from which local meters of breaks are counted. It is the mains'; if no main
-- has a location, the median of all breaks to a tenth of a degree.
with breaks as (

    select * from {{ ref('int_breaks__conformed') }}

),

origin as (

    select * from {{ ref('int_pipes__origin') }}

),

middle as (

    select
        percentile_cont(0.5) within group (order by longitude) as longitude,
        percentile_cont(0.5) within group (order by latitude) as latitude
    from breaks

),

final as (

    select
        coalesce(origin.longitude, {{ rounded('middle.longitude', 1) }}) as longitude,
        coalesce(origin.latitude, {{ rounded('middle.latitude', 1) }}) as latitude
    from middle
    cross join origin

)

select * from final
