-- One row per main in service and as-of date. Features read only what happened before
-- as_of_date, labels only the twelve months from it: deleting every later record does not change
-- the features. A window of months is a number in one of these lists and a column in the YAML.
{%- set own_months = [12, 36, 60] %}
{%- set installation_months = [36] %}
{%- set nearby_months = [12, 36, 60] %}
with pipes as (

    select * from {{ ref('dim_pipes') }}
    where is_modelled

),

snapshots as (

    select * from {{ ref('int_dates__snapshots') }}

),

breaks as (

    select * from {{ ref('fct_breaks') }}
    where is_in_record

),

nearby_breaks as (

    select * from {{ ref('int_pipes__nearby_breaks') }}

),

own_history as (

    select
        breaks.pipe_id,
        snapshots.as_of_date,
        count(*) as breaks_ever,
        {%- for months in own_months %}
            sum({{ happened_within('breaks.broke_on', 'snapshots.as_of_date', months) }})
                as breaks_prior_{{ months }}m,
        {%- endfor %}
        max(breaks.broke_on) as last_broke_on
    from breaks
    inner join snapshots
        on breaks.broke_on < snapshots.as_of_date
    where breaks.pipe_id is not null
    group by 1, 2

),

own_future as (

    select
        breaks.pipe_id,
        snapshots.as_of_date,
        count(*) as breaks_next_12m
    from breaks
    inner join snapshots
        on
            breaks.broke_on >= snapshots.as_of_date
            and breaks.broke_on < snapshots.horizon_ends_on
    where breaks.pipe_id is not null
    group by 1, 2

),

installation_breaks as (

    select
        pipes.installation_id,
        breaks.pipe_id,
        breaks.broke_on
    from breaks
    inner join pipes
        on breaks.pipe_id = pipes.pipe_id
    where pipes.installation_id is not null

),

-- The main's own breaks are among them, so each of these windows is one of its own too.
installation_history as (

    select
        installation_breaks.installation_id,
        snapshots.as_of_date,
        {%- for months in installation_months %}
            {%- set is_within = happened_within(
                'installation_breaks.broke_on', 'snapshots.as_of_date', months
            ) %}
            sum({{ is_within }}) as breaks_prior_{{ months }}m
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from installation_breaks
    inner join snapshots
        on
            installation_breaks.broke_on < snapshots.as_of_date
            and installation_breaks.broke_on
            >= {{ add_months('snapshots.as_of_date', -(installation_months | max)) }}
    group by 1, 2

),

nearby_history as (

    select
        nearby_breaks.pipe_id,
        snapshots.as_of_date,
        {%- for months in nearby_months %}
            {%- set is_within = happened_within(
                'nearby_breaks.broke_on', 'snapshots.as_of_date', months
            ) %}
            sum(case when nearby_breaks.is_nearby then {{ is_within }} end)
                as breaks_prior_{{ months }}m,
        {%- endfor %}
        count(*) as neighbourhood_breaks_ever
    from nearby_breaks
    inner join snapshots
        on nearby_breaks.broke_on < snapshots.as_of_date
    group by 1, 2

),

in_service as (

    select
        pipes.*,
        snapshots.as_of_date,
        snapshots.observed_from,
        snapshots.is_label_complete
    from pipes
    cross join snapshots
    where
        (pipes.installed_on is null or pipes.installed_on < snapshots.as_of_date)
        and (pipes.in_service_from is null or pipes.in_service_from < snapshots.as_of_date)
        and (pipes.decommissioned_on is null or pipes.decommissioned_on >= snapshots.as_of_date)

),

final as (

    select
        -- keys
        in_service.pipe_id,
        in_service.as_of_date,
        in_service.area_id,
        in_service.pressure_zone,

        -- what the main is
        in_service.material_code,
        in_service.material_group,
        in_service.install_era,
        in_service.joint_code,
        in_service.road_class,
        in_service.install_year,
        {{ years_between('in_service.installed_on', 'in_service.as_of_date') }} as age_years,
        in_service.diameter_mm,
        in_service.length_m,
        in_service.soil_resistivity_ohm_cm,
        in_service.soil_corrosivity_code,

        -- what happened to it before
        {{ years_between(
            'greatest(in_service.installed_on, in_service.in_service_from, in_service.observed_from)',
            'in_service.as_of_date'
        ) }} as exposure_years,
        cast(coalesce(own_history.breaks_ever, 0) as integer) as breaks_ever,
        {%- for months in own_months %}
            {%- set breaks = 'breaks_prior_' ~ months ~ 'm' %}
            cast(coalesce(own_history.{{ breaks }}, 0) as integer) as {{ breaks }},
        {%- endfor %}
        {{ whole_months_between('own_history.last_broke_on', 'in_service.as_of_date') }}
            as months_since_last_break,

        -- what happened around it before
        {%- for months in installation_months %}
            {%- set breaks = 'breaks_prior_' ~ months ~ 'm' %}
            cast(
                coalesce(
                    installation_history.{{ breaks }} - coalesce(own_history.{{ breaks }}, 0), 0
                ) as integer
            ) as installation_{{ breaks }},
        {%- endfor %}
        {%- for months in nearby_months %}
            {%- set breaks = 'breaks_prior_' ~ months ~ 'm' %}
            cast(coalesce(nearby_history.{{ breaks }}, 0) as integer) as nearby_{{ breaks }},
        {%- endfor %}
        cast(coalesce(nearby_history.neighbourhood_breaks_ever, 0) as integer)
            as neighbourhood_breaks_ever,

        -- label
        cast(
            case when in_service.is_label_complete then coalesce(own_future.breaks_next_12m, 0) end
            as integer
        ) as breaks_next_12m,
        in_service.is_label_complete
    from in_service
    left join own_history
        on
            in_service.pipe_id = own_history.pipe_id
            and in_service.as_of_date = own_history.as_of_date
    left join own_future
        on
            in_service.pipe_id = own_future.pipe_id
            and in_service.as_of_date = own_future.as_of_date
    left join installation_history
        on
            in_service.installation_id = installation_history.installation_id
            and in_service.as_of_date = installation_history.as_of_date
    left join nearby_history
        on
            in_service.pipe_id = nearby_history.pipe_id
            and in_service.as_of_date = nearby_history.as_of_date

)

select * from final
