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

    {{ select_declared('utility_pipes', {
        'soil_resistivity_ohm_cm': none,
        'is_modelled': 'true',
        'exclusion_reason': none,
    }) }}

    union all

    {{ select_declared('ladwp_inventory', {
        'installation_id': none,
        'area_id': none,
        'soil_id': none,
        'pressure_zone': none,
        'street_name': none,
        'road_class': none,
        'critical_customer_count': none,
        'start_longitude': none,
        'start_latitude': none,
        'end_longitude': none,
        'end_latitude': none,
        'longitude': none,
        'latitude': none,
        'line_wkt': none,
        'is_modelled': 'false',
        'exclusion_reason': "case when is_connectivity_stub then 'connectivity_stub' end",
        'installed_on': year_start('install_year'),
        'lined_on': none,
        'decommissioned_on': none,
    }) }}

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

judged as (

    select
        versions.*,
        case
            when pipe_id is null then 'no_id'
            when version > 1 and load_id = newest_load_id then 'repeated_id'
            when version > 1 then 'superseded_by_later_delivery'
            when exclusion_reason is not null then exclusion_reason
            when coalesce(length_m, 0) <= 0 then 'no_length'
        end as reason
    from versions

),

final as (

    {{ select_declared('judged', {'exclusion_reason': 'reason'}) }}

)

select * from final
