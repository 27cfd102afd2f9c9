-- Grain: one row per map unit as delivered (load_id, row_number).
-- The map unit is the soil that a main is overlaid with.
with

map_units as (

    select * from {{ source('ssurgo', 'ssurgo_mapunits') }}

),

final as (

    select
        -- keys
        cast('ssurgo_mapunits' as text) as source_name,
        _load_id as load_id,
        _row_number as row_number,
        {{ blank_to_null('mukey') }} as soil_id,

        -- facts
        {{ blank_to_null('musym') }} as map_unit_symbol,
        {{ blank_to_null('muname') }} as soil_name,
        {{ blank_to_null('geometry_wkt') }} as geometry_wkt,

        -- load
        _loaded_at as loaded_at
    from map_units

)

select * from final
