-- One row per delivered soil component, with the reason if it does not represent its map unit; the
-- largest one does.
with components as (

    select * from {{ ref('stg_ssurgo__components') }}

),

ranked as (

    select
        components.*,
        row_number() over (
            partition by soil_id
            order by component_percent desc nulls last, {{ byte_order('component_id') }} asc
        ) as dominance
    from components

),

final as (

    select
        -- keys
        source_name,
        load_id,
        row_number,
        component_id,
        soil_id,

        -- facts
        drainage_class,
        corrosivity_steel,
        corrosivity_concrete,

        -- flags
        case
            when soil_id is null then 'no_map_unit'
            when dominance > 1 then 'not_the_largest_of_its_map_unit'
        end as exclusion_reason
    from ranked

)

select * from final
