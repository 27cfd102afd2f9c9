-- A table, not a view: read by four models, and the sort that picks the newest delivery is the
-- expensive part.
{{ config(materialized='table', post_hook='{{ analyze_table(this) }}') }}

-- One row per delivered main of any source, with the reason where it is set aside. Only inventories
-- with identifiers can be linked to breaks; the others describe the network but are not modeled.
with utility_pipes as (

    select * from {{ ref('stg_utility__pipes') }}

),

trunk_lines as (

    select * from {{ ref('stg_ladwp__trunk_lines') }}

),

main_lines as (

    select * from {{ ref('stg_ladwp__main_lines') }}

),

ladwp_inventory as (

    select * from trunk_lines
    union all
    select * from main_lines

),

unioned as (

    select
        source_name,
        load_id,
        row_number,
        pipe_id,
        installation_id,
        area_id,
        soil_id,
        material,
        diameter_mm,
        length_m,
        joint_type,
        lining,
        pressure_zone,
        street_name,
        road_class,
        critical_customer_count,
        cast(null as double precision) as soil_resistivity_ohm_cm,
        start_longitude,
        start_latitude,
        end_longitude,
        end_latitude,
        longitude,
        latitude,
        line_wkt,
        cast(false as boolean) as is_connectivity_stub,
        is_install_year_suspect,
        cast(true as boolean) as is_modelled,
        installed_on,
        lined_on,
        decommissioned_on,
        loaded_at
    from utility_pipes

    union all

    select
        source_name,
        load_id,
        row_number,
        pipe_id,
        cast(null as text) as installation_id,
        cast(null as text) as area_id,
        cast(null as text) as soil_id,
        material,
        diameter_mm,
        length_m,
        joint_type,
        lining,
        cast(null as text) as pressure_zone,
        cast(null as text) as street_name,
        cast(null as text) as road_class,
        cast(null as integer) as critical_customer_count,
        soil_resistivity_ohm_cm,
        cast(null as double precision) as start_longitude,
        cast(null as double precision) as start_latitude,
        cast(null as double precision) as end_longitude,
        cast(null as double precision) as end_latitude,
        cast(null as double precision) as longitude,
        cast(null as double precision) as latitude,
        cast(null as text) as line_wkt,
        is_connectivity_stub,
        is_install_year_suspect,
        cast(false as boolean) as is_modelled,
        {{ year_start('install_year') }} as installed_on,
        cast(null as date) as lined_on,
        cast(null as date) as decommissioned_on,
        loaded_at
    from ladwp_inventory

),

-- The newest delivery of a main is used; within one delivery, the first row of a repeated id.
versions as (

    select
        unioned.*,
        row_number() over (
            partition by pipe_id
            order by {{ newest_first() }}
        ) as version,
        first_value(load_id) over (
            partition by pipe_id
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
        pipe_id,
        installation_id,
        area_id,
        soil_id,

        -- facts
        material,
        diameter_mm,
        length_m,
        joint_type,
        lining,
        pressure_zone,
        street_name,
        road_class,
        critical_customer_count,
        soil_resistivity_ohm_cm,
        start_longitude,
        start_latitude,
        end_longitude,
        end_latitude,
        longitude,
        latitude,
        line_wkt,

        -- flags
        is_install_year_suspect,
        is_modelled,
        case
            when pipe_id is null then 'no_id'
            when version > 1 and load_id = newest_load_id then 'repeated_id'
            when version > 1 then 'superseded_by_later_delivery'
            when is_connectivity_stub then 'connectivity_stub'
            when coalesce(length_m, 0) <= 0 then 'no_length'
        end as exclusion_reason,

        -- dates
        installed_on,
        lined_on,
        decommissioned_on,
        loaded_at
    from versions

)

select * from final
