-- Grain: one row per soil component as delivered (load_id, row_number).
-- Corrosivity and drainage are rated for the component; the map unit only names a mix of them.
with

components as (

    select * from {{ source('ssurgo', 'ssurgo_components') }}

),

final as (

    select
        -- keys
        cast('ssurgo_components' as text) as source_name,
        _load_id as load_id,
        _row_number as row_number,
        {{ blank_to_null('cokey') }} as component_id,
        {{ blank_to_null('mukey') }} as soil_id,

        -- facts
        {{ blank_to_null('compname') }} as component_name,
        {{ try_number('comppct_r') }} as component_percent,
        lower({{ blank_to_null('majcompflag') }}) = 'yes' as is_major_component,
        lower({{ blank_to_null('drainagecl') }}) as drainage_class,
        lower({{ blank_to_null('corsteel') }}) as corrosivity_steel,
        lower({{ blank_to_null('corcon') }}) as corrosivity_concrete,

        -- load
        _loaded_at as loaded_at
    from components

)

select * from final
