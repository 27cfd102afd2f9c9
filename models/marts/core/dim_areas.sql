-- One row per area the city is reported by.
with areas as (

    select * from {{ ref('int_areas__conformed') }}
    where exclusion_reason is null

),

final as (

    select
        -- keys
        area_id,

        -- facts
        area_name,
        coalesce(region_name, 'unknown') as region_name,
        mains_km as delivered_mains_km,
        {{ rounded('area_km2', 6) }} as area_km2,
        outline_wkt,
        longitude,
        latitude
    from areas

)

select * from final
