-- Grain: one row per soil horizon as delivered (load_id, row_number).
-- pH, salts and shrink-swell are measured by depth, and a main lies in one or two of the layers.
with

horizons as (

    select * from {{ source('ssurgo', 'ssurgo_horizons') }}

),

final as (

    select
        -- keys
        cast('ssurgo_horizons' as text) as source_name,
        _load_id as load_id,
        _row_number as row_number,
        {{ blank_to_null('chkey') }} as horizon_id,
        {{ blank_to_null('cokey') }} as component_id,

        -- facts
        {{ blank_to_null('hzname') }} as horizon_name,
        {{ try_number('hzdept_r') }} as depth_top_cm,
        {{ try_number('hzdepb_r') }} as depth_bottom_cm,
        {{ try_number('ph1to1h2o_r') }} as ph,
        {{ try_number('ec_r') }} as electrical_conductivity_ds_m,
        {{ try_number('lep_r') }} as linear_extensibility_percent,
        {{ try_number('claytotal_r') }} as clay_percent,

        -- load
        _loaded_at as loaded_at
    from horizons

)

select * from final
