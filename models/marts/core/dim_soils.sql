-- One row per soil map unit.
with soils as (

    select * from {{ ref('int_soils__conformed') }}
    where exclusion_reason is null

),

final as (

    select
        -- keys
        soil_id,

        -- facts
        coalesce(soil_name, soil_id) as soil_name,
        resistivity_ohm_cm,
        ph,
        case
            when corrosivity_steel in ('low', 'moderate', 'high') then corrosivity_steel
            else 'unknown'
        end as soil_corrosivity_code,
        case
            when corrosivity_concrete in ('low', 'moderate', 'high') then corrosivity_concrete
            else 'unknown'
        end as concrete_corrosivity_code,
        coalesce(shrink_swell, 'unknown') as shrink_swell,
        coalesce(drainage_class, 'unknown') as drainage_class
    from soils

)

select * from final
