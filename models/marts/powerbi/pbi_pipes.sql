-- One row per main of the inventory, in service or not, and one for no main, so that no break is
-- lost when a report groups by main.
with pipes as (

    select * from {{ ref('dim_pipes') }}

),

areas as (

    select * from {{ ref('pbi_areas') }}

),

soils as (

    select * from {{ ref('dim_soils') }}

),

install_eras as (

    select * from {{ ref('install_eras') }}

),

diameter_classes as (

    select * from {{ ref('diameter_classes') }}

),

period as (

    select cast(extract(year from max(observed_until) - 1) as integer) as last_year
    from {{ ref('int_dates__record_period') }}

),

no_main as (

    select 'unknown' as pipe_id

),

described as (

    select
        coalesce(pipes.pipe_id, no_main.pipe_id) as member_id,
        coalesce(pipes.area_id, 'unknown') as known_area_id,
        coalesce(pipes.material_group, 'unknown') as known_material_group,
        coalesce(pipes.road_class, 'unknown') as known_road_class,
        coalesce(pipes.soil_corrosivity_code, 'unknown') as known_corrosivity_code,
        -- greatest() ignores a null, but a main of unknown age is not a new one.
        case
            when pipes.install_year is not null
                then greatest(period.last_year - pipes.install_year, 0)
        end as age_years,
        cast(floor(pipes.install_year / 10.0) as integer) * 10 as install_decade,
        pipes.*
    from pipes
    full outer join no_main
        on pipes.pipe_id = no_main.pipe_id
    cross join period

),

banded as (

    select
        described.*,
        {{ age_band_code('age_years') }} as age_band
    from described

),

shown as (

    select
        banded.*,
        areas.area_name,
        coalesce(banded.material_name, 'Unknown') as shown_material_name,
        {{ code_name('material_group', 'banded.known_material_group') }} as material_group_name,
        {{ code_sort('material_group', 'banded.known_material_group') }} as material_group_sort,
        coalesce(banded.joint_name, 'Unknown') as shown_joint_name,
        {{ millimeters_to_inches('banded.diameter_mm') }} as diameter_in,
        coalesce(diameter_classes.diameter_class_name, 'Unknown') as diameter_class_name,
        cast(coalesce(diameter_classes.min_diameter_mm, 999999) as integer) as diameter_class_sort,
        {{ meters_to_miles('banded.length_m') }} as length_miles,
        coalesce(cast(banded.install_decade as text) || 's', 'Unknown') as install_decade_name,
        coalesce(banded.install_decade, 9999) as install_decade_sort,
        coalesce(install_eras.install_era_name, 'Unknown') as install_era_name,
        coalesce(install_eras.first_year, 9999) as install_era_sort,
        {{ code_name('age_band', 'banded.age_band') }} as age_band_name,
        {{ code_sort('age_band', 'banded.age_band') }} as age_band_sort,
        coalesce(nullif(banded.pressure_zone, 'unknown'), 'Unknown') as shown_pressure_zone,
        {{ code_name('road_class', 'banded.known_road_class') }} as road_class_name,
        coalesce(soils.soil_name, 'Unknown') as soil_name,
        {{ code_name('corrosivity', 'banded.known_corrosivity_code') }} as soil_corrosivity_name,
        {{ code_sort('corrosivity', 'banded.known_corrosivity_code') }} as soil_corrosivity_sort,
        coalesce(banded.is_in_service, false) as shown_in_service,
        coalesce(banded.is_modelled, false) as is_scored,
        coalesce(banded.length_m < {{ var('stub_length_m') }}, false) as is_stub,
        -- Dates of Power BI begin on 1 March 1900; the year of an older main is in install_year.
        case
            when banded.installed_on >= cast('1900-03-01' as date) then banded.installed_on
        end as shown_installed_on
    from banded
    left join areas
        on banded.known_area_id = areas.area_id
    left join soils
        on banded.soil_id = soils.soil_id
    left join install_eras
        on banded.install_era = install_eras.install_era
    left join diameter_classes
        on banded.diameter_class = diameter_classes.diameter_class

)

{{ select_declared('shown', {
    'pipe_id': 'member_id',
    'area_id': 'known_area_id',
    'material_name': 'shown_material_name',
    'joint_name': 'shown_joint_name',
    'pressure_zone': 'shown_pressure_zone',
    'is_in_service': 'shown_in_service',
    'installed_on': 'shown_installed_on',
}) }}
