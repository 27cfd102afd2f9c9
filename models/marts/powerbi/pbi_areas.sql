-- One row per area, and one for what lies in no known area, so that no break or main is lost when
-- a report groups by area.
with areas as (

    select * from {{ ref('dim_areas') }}

),

members as (

    select area_id from areas
    union
    select 'unknown' as area_id

),

final as (

    select
        -- keys
        members.area_id,

        -- facts
        coalesce(areas.area_name, 'Unknown') as area_name,
        coalesce(nullif(areas.region_name, 'unknown'), 'Unknown') as region_name,
        areas.area_km2,
        areas.outline_wkt,
        areas.longitude,
        areas.latitude
    from members
    left join areas
        on members.area_id = areas.area_id

)

select * from final
