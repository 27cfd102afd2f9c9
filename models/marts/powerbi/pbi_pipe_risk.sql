-- One row per scored main, for Power BI: likelihood, consequence and risk over the horizon, why it
-- ranks where it does, and the project that would renew it.
with risk as (

    select * from {{ ref('fct_pipe_risk') }}

),

pipes as (

    select * from {{ ref('dim_pipes') }}

),

areas as (

    select * from {{ ref('pbi_areas') }}

),

plan_pipes as (

    select * from {{ ref('fct_replacement_plan_pipes') }}

),

plan as (

    select * from {{ ref('fct_replacement_plan') }}

),

-- There are three at most: joining them by rank takes half the time of a sorted aggregate.
reasons as (

    select
        pipe_id,
        max(case when reason_rank = 1 then reason end)
        || coalesce('; ' || max(case when reason_rank = 2 then reason end), '')
        || coalesce('; ' || max(case when reason_rank = 3 then reason end), '') as reasons
    from {{ ref('fct_pipe_reason_codes') }}
    group by 1

),

described as (

    select
        risk.*,
        coalesce(risk.area_id, 'unknown') as known_area_id,
        areas.area_name,
        coalesce(pipes.soil_id, 'unknown') as soil_id,
        pipes.install_era,
        coalesce(reasons.reasons, 'no reason above the typical main') as reasons,
        {{ meters_to_miles('risk.length_m') }} as length_miles,
        plan_pipes.project_id,
        plan_pipes.position_in_project,
        plan_pipes.renewal_usd,
        plan_pipes.breaks_avoided_1y,
        plan_pipes.avoided_usd_10y,
        plan.plan_rank,
        coalesce(plan.is_within_budget, false) as is_within_budget,
        risk.length_m < {{ var('stub_length_m') }} as is_stub
    from risk
    inner join pipes
        on risk.pipe_id = pipes.pipe_id
    left join areas
        on coalesce(risk.area_id, 'unknown') = areas.area_id
    left join reasons
        on risk.pipe_id = reasons.pipe_id
    left join plan_pipes
        on risk.pipe_id = plan_pipes.pipe_id
    left join plan
        on plan_pipes.project_id = plan.project_id

)

{{ select_declared('described', {'area_id': 'known_area_id'}) }}
