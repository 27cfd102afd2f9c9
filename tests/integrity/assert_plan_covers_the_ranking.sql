-- Every scored main is in one project of the plan: no main, meter or avoided break is lost between
-- fct_pipe_risk and the last row of fct_replacement_plan.
with ranking as (

    select
        count(*) as pipe_count,
        coalesce(sum(cast(length_m as numeric(18, 3))), 0) as length_m
    from {{ ref('fct_pipe_risk') }}

),

mains as (

    select coalesce(sum(breaks_avoided_1y), 0) as breaks_avoided
    from {{ ref('fct_replacement_plan_pipes') }}

),

plan as (

    select
        coalesce(sum(pipe_count), 0) as pipe_count,
        coalesce(sum(cast(length_m as numeric(18, 3))), 0) as length_m,
        coalesce(max(cumulative_breaks_avoided_1y), 0) as breaks_avoided
    from {{ ref('fct_replacement_plan') }}

)

select
    ranking.pipe_count as ranked_count,
    plan.pipe_count as planned_count,
    ranking.length_m as ranked_m,
    plan.length_m as planned_m
from ranking
cross join mains
cross join plan
where
    ranking.pipe_count <> plan.pipe_count
    or ranking.length_m <> plan.length_m
    or abs(mains.breaks_avoided - plan.breaks_avoided) > 0.000001
