-- A table, not a view: read by five models, and the sort by identifier in int_pipes__sightings is
-- the expensive part.
{{ config(materialized='table', post_hook='{{ analyze_table(this) }}') }}

-- One row per delivered main of any source, with the reason where it is set aside. Only inventories
-- with identifiers can be linked to breaks; the others describe the network but are not modeled.
-- A main that a newer full inventory lacks keeps its newest row, with the day it left.
with utility_pipes as (

    select * from {{ ref('stg_utility__pipes') }}

),

trunk_lines as (

    select * from {{ ref('stg_ladwp__trunk_lines') }}

),

main_lines as (

    select * from {{ ref('stg_ladwp__main_lines') }}

),

sightings as (

    select * from {{ ref('int_pipes__sightings') }}

),

deliveries as (

    select * from {{ ref('int_loads__deliveries') }}

),

ladwp_inventory as (

    select * from trunk_lines
    union all
    select * from main_lines

),

unioned as (

    {{ select_declared('utility_pipes', {
        'recorded_pipe_id': 'pipe_id',
        'soil_resistivity_ohm_cm': none,
        'is_modelled': 'true',
        'exclusion_reason': none,
        'in_service_from': none,
        'succeeded_on': none,
    }) }}

    union all

    {{ select_declared('ladwp_inventory', {
        'recorded_pipe_id': 'pipe_id',
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
        'in_service_from': none,
        'succeeded_on': none,
    }) }}

),

judged as (

    select
        unioned.*,
        coalesce(sightings.pipe_id, unioned.pipe_id) as main_id,
        sightings.in_service_from as main_in_service_from,
        sightings.succeeded_on as main_succeeded_on,
        coalesce(unioned.decommissioned_on, sightings.left_on) as main_decommissioned_on,
        case
            when unioned.pipe_id is null then 'no_id'
            when deliveries.is_read_again then 'read_with_another_mapping'
            when sightings.load_id is null then 'repeated_id'
            when not sightings.is_newest then 'superseded_by_later_delivery'
            when unioned.exclusion_reason is not null then unioned.exclusion_reason
            when coalesce(unioned.length_m, 0) <= 0 then 'no_length'
        end as reason
    from unioned
    left join sightings
        on
            unioned.load_id = sightings.load_id
            and unioned.row_number = sightings.row_number
    left join deliveries
        on unioned.load_id = deliveries.load_id

),

final as (

    {{ select_declared('judged', {
        'pipe_id': 'main_id',
        'exclusion_reason': 'reason',
        'in_service_from': 'main_in_service_from',
        'succeeded_on': 'main_succeeded_on',
        'decommissioned_on': 'main_decommissioned_on',
    }) }}

)

select * from final
