-- One row per break, for Power BI: with the words for its codes, and the age of the main at the
-- break.
with recorded as (

    select * from {{ ref('fct_breaks') }}

),

breaks as (

    select
        recorded.*,
        cast(extract(year from broke_on) as integer) - install_year as years_since_install
    from recorded

),

materials as (

    select
        material_code,
        max(material_name) as material_name
    from {{ ref('materials') }}
    group by 1

),

pipes as (

    select * from {{ ref('dim_pipes') }}

),

install_eras as (

    select * from {{ ref('install_eras') }}

),

diameter_classes as (

    select * from {{ ref('diameter_classes') }}

),

-- A main that was laid after the break is a different one, so its age at the break is not known.
aged as (

    select
        breaks.*,
        case when years_since_install >= 0 then years_since_install end as age_years
    from breaks

),

banded as (

    select
        aged.*,
        {{ age_band_code('age_years') }} as age_band
    from aged

),

described as (

    select
        banded.*,
        coalesce(banded.pipe_id, 'unknown') as known_pipe_id,
        coalesce(banded.area_id, 'unknown') as known_area_id,
        coalesce(pipes.soil_id, 'unknown') as soil_id,
        coalesce(materials.material_name, 'Unknown') as material_name,
        {{ code_name('material_group', 'banded.material_group') }} as material_group_name,
        {{ code_sort('material_group', 'banded.material_group') }} as material_group_sort,
        coalesce(diameter_classes.diameter_class_name, 'Unknown') as diameter_class_name,
        cast(coalesce(diameter_classes.min_diameter_mm, 999999) as integer) as diameter_class_sort,
        coalesce(install_eras.install_era_name, 'Unknown') as install_era_name,
        coalesce(install_eras.first_year, 9999) as install_era_sort,
        {{ code_name('age_band', 'banded.age_band') }} as age_band_name,
        {{ code_sort('age_band', 'banded.age_band') }} as age_band_sort,
        {{ code_name('link_status', 'banded.link_status') }} as link_status_name
    from banded
    left join materials
        on banded.material_code = materials.material_code
    left join pipes
        on banded.pipe_id = pipes.pipe_id
    left join install_eras
        on banded.install_year between install_eras.first_year and install_eras.last_year
    left join diameter_classes
        on
            banded.diameter_mm > diameter_classes.min_diameter_mm
            and banded.diameter_mm <= diameter_classes.max_diameter_mm

)

{{ select_declared('described', {'pipe_id': 'known_pipe_id', 'area_id': 'known_area_id'}) }}
