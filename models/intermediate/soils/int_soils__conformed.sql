-- One row per delivered soil map unit of any source, with the properties that corrode or move a
-- main and the reason where it is set aside.
with utility_soils as (

    select * from {{ ref('stg_utility__soils') }}

),

map_units as (

    select * from {{ ref('stg_ssurgo__map_units') }}

),

components as (

    select * from {{ ref('int_soils__components') }}
    where exclusion_reason is null

),

horizons as (

    select * from {{ ref('int_soils__horizons') }}
    where exclusion_reason is null

),

surveyed as (

    select
        map_units.source_name,
        map_units.load_id,
        map_units.row_number,
        map_units.soil_id,
        map_units.soil_name,
        cast(null as double precision) as resistivity_ohm_cm,
        horizons.ph,
        components.corrosivity_steel,
        components.corrosivity_concrete,
        -- Classes of linear extensibility after the National Soil Survey Handbook, 618.41.
        case
            when horizons.linear_extensibility_percent >= 9 then 'very high'
            when horizons.linear_extensibility_percent >= 6 then 'high'
            when horizons.linear_extensibility_percent >= 3 then 'moderate'
            when horizons.linear_extensibility_percent >= 0 then 'low'
        end as shrink_swell,
        components.drainage_class,
        map_units.loaded_at
    from map_units
    left join components
        on map_units.soil_id = components.soil_id
    left join horizons
        on components.component_id = horizons.component_id

),

unioned as (

    select
        source_name,
        load_id,
        row_number,
        soil_id,
        soil_name,
        resistivity_ohm_cm,
        ph,
        corrosivity_steel,
        corrosivity_concrete,
        shrink_swell,
        drainage_class,
        loaded_at
    from utility_soils

    union all

    select
        source_name,
        load_id,
        row_number,
        soil_id,
        soil_name,
        resistivity_ohm_cm,
        ph,
        corrosivity_steel,
        corrosivity_concrete,
        shrink_swell,
        drainage_class,
        loaded_at
    from surveyed

),

-- A map unit has many polygons: the first row of its newest delivery represents it.
versions as (

    select
        unioned.*,
        row_number() over (
            partition by soil_id
            order by {{ newest_first() }}
        ) as version,
        first_value(load_id) over (
            partition by soil_id
            order by {{ newest_first() }}
        ) as newest_load_id
    from unioned

),

final as (

    select
        -- keys
        source_name,
        load_id,
        row_number,
        soil_id,

        -- facts
        soil_name,
        resistivity_ohm_cm,
        ph,
        corrosivity_steel,
        corrosivity_concrete,
        shrink_swell,
        drainage_class,

        -- flags
        case
            when soil_id is null then 'no_id'
            when version > 1 and load_id = newest_load_id then 'another_polygon_of_the_map_unit'
            when version > 1 then 'superseded_by_later_delivery'
        end as exclusion_reason
    from versions

)

select * from final
