-- One row per delivered main: the utility contract, trimmed and with implausible install dates
-- flagged.
with pipes as (

    select * from {{ source('utility', 'pipes') }}

),

dated as (

    select
        pipes.*,
        coalesce(
            installed_on,
            case when install_year between 1800 and 2200 then {{ year_start('install_year') }} end
        ) as delivered_installed_on,
        coalesce(cast(extract(year from installed_on) as integer), install_year) as delivered_year
    from pipes

),

flagged as (

    select
        dated.*,
        coalesce(
            delivered_year < 1850 or delivered_year > extract(year from _loaded_at), false
        ) as is_install_year_suspect
    from dated

),

final as (

    select
        -- keys
        'pipes' as source_name,
        _load_id as load_id,
        _row_number as row_number,
        {{ blank_to_null('pipe_id') }} as pipe_id,
        {{ blank_to_null('installation_id') }} as installation_id,
        {{ blank_to_null('area_id') }} as area_id,
        {{ blank_to_null('soil_id') }} as soil_id,

        -- facts
        {{ code_key(blank_to_null('material')) }} as material,
        diameter_mm,
        length_m,
        {{ code_key(blank_to_null('joint_type')) }} as joint_type,
        {{ blank_to_null('lining') }} as lining,
        {{ blank_to_null('pressure_zone') }} as pressure_zone,
        {{ blank_to_null('street_name') }} as street_name,
        lower({{ blank_to_null('road_class') }}) as road_class,
        critical_customer_count,
        start_longitude,
        start_latitude,
        end_longitude,
        end_latitude,
        (start_longitude + end_longitude) / 2 as longitude,
        (start_latitude + end_latitude) / 2 as latitude,
        geometry_wkt as line_wkt,

        -- flags
        is_install_year_suspect,

        -- dates
        case when not is_install_year_suspect then delivered_installed_on end as installed_on,
        lined_on,
        decommissioned_on,
        _loaded_at as loaded_at
    from flagged

)

select * from final
