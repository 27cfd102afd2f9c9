-- One row: the point from which local meters of breaks are counted. It is the mains'; if no main
-- has a location, the median of all breaks to a tenth of a degree.
with breaks as (

    select * from {{ ref('int_breaks__conformed') }}

),

origin as (

    select * from {{ ref('int_pipes__origin') }}

),

middle as (

    select {{ middle_place() }}
    from breaks

),

final as (

    select
        coalesce(origin.longitude, middle.longitude) as longitude,
        coalesce(origin.latitude, middle.latitude) as latitude
    from middle
    cross join origin

)

select * from final
