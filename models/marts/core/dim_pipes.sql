-- One row per main of the inventory, in service or not: what does not change with time.
with pipes as (

    select * from {{ ref('int_pipes__conformed') }}
    where exclusion_reason is null

),

materials as (

    select * from {{ ref('materials') }}

),

joints as (

    select * from {{ ref('joints') }}

),

install_eras as (

    select * from {{ ref('install_eras') }}

),

diameter_classes as (

    select * from {{ ref('diameter_classes') }}

),

soils as (

    select * from {{ ref('dim_soils') }}

),

corrosivities as (

    select * from {{ ref('soil_corrosivity') }}

),

areas as (

    select * from {{ ref('dim_areas') }}

),

point_areas as (

    select * from {{ ref('stg_links__point_areas') }}

),

pipe_soils as (

    select * from {{ ref('stg_links__pipe_soils') }}

),

origin as (

    select * from {{ ref('int_pipes__origin') }}

),

located as (

    select
        pipes.*,
        coalesce(named_areas.area_id, areas.area_id) as found_area_id,
        coalesce(pipes.soil_id, pipe_soils.soil_id) as found_soil_id,
        {{ metres_east('pipes.longitude', 'origin') }} as x_m,
        {{ metres_north('pipes.latitude', 'origin') }} as y_m
    from pipes
    cross join origin
    left join point_areas
        on
            pipes.source_name = point_areas.source_name
            and pipes.load_id = point_areas.load_id
            and pipes.row_number = point_areas.row_number
    -- An area that the utility names and nobody knows gives way to the one that holds the point.
    left join areas as named_areas
        on pipes.area_id = named_areas.area_id
    left join areas
        on point_areas.area_id = areas.area_id
    left join pipe_soils
        on
            pipes.source_name = pipe_soils.source_name
            and pipes.load_id = pipe_soils.load_id
            and pipes.row_number = pipe_soils.row_number

),

described as (

    select
        located.*,
        coalesce(located.soil_resistivity_ohm_cm, soils.resistivity_ohm_cm) as resistivity_ohm_cm,
        soils.soil_id as known_soil_id,
        soils.soil_corrosivity_code as surveyed_corrosivity_code,
        cast(extract(year from located.installed_on) as integer) as install_year
    from located
    left join soils
        on located.found_soil_id = soils.soil_id

),

final as (

    select
        -- keys
        described.pipe_id,
        described.recorded_pipe_id,
        described.source_name,
        described.installation_id,
        described.found_area_id as area_id,
        described.known_soil_id as soil_id,
        coalesce(described.pressure_zone, 'unknown') as pressure_zone,

        -- facts
        case
            when described.material is null then 'UNK'
            else coalesce(materials.material_code, 'OTH')
        end as material_code,
        case
            when described.material is null then 'Unknown'
            else coalesce(materials.material_name, 'Other')
        end as material_name,
        case
            when described.material is null then 'unknown'
            else coalesce(materials.material_group, 'other')
        end as material_group,
        coalesce(joints.joint_code, 'UNK') as joint_code,
        coalesce(joints.joint_name, 'Unknown') as joint_name,
        described.lining,
        described.install_year,
        coalesce(install_eras.install_era, 'unknown') as install_era,
        described.diameter_mm,
        coalesce(diameter_classes.diameter_class, 'unknown') as diameter_class,
        described.length_m,
        described.street_name,
        case
            when described.road_class in ('local', 'local street', 'cul-de-sac', 'lane')
                then 'local'
            when described.road_class in ('collector') then 'collector'
            when described.road_class in ('arterial', 'highway', 'freeway', 'ramp', 'expressway')
                then 'arterial'
            when described.road_class is not null then 'other'
            else 'unknown'
        end as road_class,
        described.critical_customer_count,
        described.resistivity_ohm_cm as soil_resistivity_ohm_cm,
        coalesce(
            corrosivities.soil_corrosivity_code, described.surveyed_corrosivity_code, 'unknown'
        ) as soil_corrosivity_code,
        described.start_longitude,
        described.start_latitude,
        described.end_longitude,
        described.end_latitude,
        described.longitude,
        described.latitude,
        described.x_m,
        described.y_m,
        {{ line_text('described') }} as line_wkt,

        -- flags
        described.is_modelled,
        described.decommissioned_on is null as is_in_service,
        described.is_install_year_suspect,
        described.x_m is not null and described.y_m is not null as has_location,

        -- dates
        described.installed_on,
        described.in_service_from,
        described.lined_on,
        described.decommissioned_on
    from described
    left join materials
        on described.material = {{ code_key('materials.material_synonym') }}
    left join joints
        on described.joint_type = {{ code_key('joints.joint_synonym') }}
    left join install_eras
        on described.install_year between install_eras.first_year and install_eras.last_year
    left join diameter_classes
        on
            described.diameter_mm > diameter_classes.min_diameter_mm
            and described.diameter_mm <= diameter_classes.max_diameter_mm
    left join corrosivities
        on
            described.resistivity_ohm_cm >= corrosivities.min_resistivity_ohm_cm
            and described.resistivity_ohm_cm < corrosivities.max_resistivity_ohm_cm

)

select * from final
