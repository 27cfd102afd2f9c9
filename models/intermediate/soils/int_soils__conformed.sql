-- One row a soil map unit of any source: the properties that corrode or move a main.
with utility_soils as (

    select * from {{ ref('stg_utility__soils') }}

),

map_units as (

    select * from {{ ref('stg_ssurgo__map_units') }}

),

components as (

    select * from {{ ref('stg_ssurgo__components') }}

),

horizons as (

    select * from {{ ref('stg_ssurgo__horizons') }}

),

-- Mains lie at about a metre: the horizon that holds that depth speaks for the component.
main_depth_horizons as (

    select
        component_id,
        ph,
        linear_extensibility_percent,
        row_number() over (
            partition by component_id
            order by depth_top_cm desc nulls last, {{ byte_order('horizon_id') }}
        ) as closeness
    from horizons
    where depth_top_cm <= 100

),

-- The largest component speaks for the map unit.
dominant_components as (

    select
        component_id,
        soil_id,
        drainage_class,
        corrosivity_steel,
        corrosivity_concrete,
        row_number() over (
            partition by soil_id
            order by component_percent desc nulls last, {{ byte_order('component_id') }}
        ) as dominance
    from components

),

surveyed as (

    select
        map_units.source_name,
        map_units.load_id,
        map_units.row_number,
        map_units.soil_id,
        map_units.soil_name,
        cast(null as double precision) as resistivity_ohm_cm,
        main_depth_horizons.ph,
        dominant_components.corrosivity_steel,
        dominant_components.corrosivity_concrete,
        -- Classes of linear extensibility after the National Soil Survey Handbook, 618.41.
        case
            when main_depth_horizons.linear_extensibility_percent >= 9 then 'very high'
            when main_depth_horizons.linear_extensibility_percent >= 6 then 'high'
            when main_depth_horizons.linear_extensibility_percent >= 3 then 'moderate'
            when main_depth_horizons.linear_extensibility_percent >= 0 then 'low'
        end as shrink_swell,
        dominant_components.drainage_class,
        map_units.loaded_at
    from map_units
    left join dominant_components
        on
            map_units.soil_id = dominant_components.soil_id
            and dominant_components.dominance = 1
    left join main_depth_horizons
        on
            dominant_components.component_id = main_depth_horizons.component_id
            and main_depth_horizons.closeness = 1

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

-- A map unit has many polygons: its first row of the newest delivery speaks for it.
versions as (

    select
        unioned.*,
        row_number() over (
            partition by soil_id
            order by {{ newest_first() }}
        ) as version
    from unioned
    where soil_id is not null

),

final as (

    select
        soil_id,
        soil_name,
        resistivity_ohm_cm,
        ph,
        corrosivity_steel,
        corrosivity_concrete,
        shrink_swell,
        drainage_class
    from versions
    where version = 1

)

select * from final
