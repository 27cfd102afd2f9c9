-- One row per area with a polygon: its outline, for the maps of the portal.
with areas as (

    select * from {{ ref('dim_areas') }}
    where outline_wkt is not null

),

final as (

    select
        -- keys
        area_id,

        -- facts
        area_name,
        outline_wkt
    from areas

)

select * from final
