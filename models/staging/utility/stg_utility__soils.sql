-- One row a delivered soil polygon or map unit: the utility contract, trimmed.
with soils as (

    select * from {{ source('utility', 'soils') }}

),

final as (

    select
        -- keys
        'soils' as source_name,
        _load_id as load_id,
        _row_number as row_number,
        trim(soil_id) as soil_id,

        -- facts
        trim(soil_name) as soil_name,
        resistivity_ohm_cm,
        ph,
        lower(trim(corrosivity_steel)) as corrosivity_steel,
        lower(trim(corrosivity_concrete)) as corrosivity_concrete,
        lower(trim(shrink_swell)) as shrink_swell,
        lower(trim(drainage_class)) as drainage_class,

        -- dates
        _loaded_at as loaded_at
    from soils

)

select * from final
