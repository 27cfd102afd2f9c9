-- One row per delivered soil polygon or map unit: the utility contract, trimmed.
with soils as (

    select * from {{ source('utility', 'soils') }}

),

final as (

    select
        -- keys
        'soils' as source_name,
        _load_id as load_id,
        _row_number as row_number,
        {{ blank_to_null('soil_id') }} as soil_id,

        -- facts
        {{ blank_to_null('soil_name') }} as soil_name,
        resistivity_ohm_cm,
        ph,
        lower({{ blank_to_null('corrosivity_steel') }}) as corrosivity_steel,
        lower({{ blank_to_null('corrosivity_concrete') }}) as corrosivity_concrete,
        lower({{ blank_to_null('shrink_swell') }}) as shrink_swell,
        lower({{ blank_to_null('drainage_class') }}) as drainage_class,

        -- dates
        _loaded_at as loaded_at
    from soils

)

select * from final
