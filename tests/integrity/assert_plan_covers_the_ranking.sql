-- Every scored main is in one project of the plan, or is a stub that nobody digs for alone; no
-- project is a stub, and no main, meter or avoided break is lost between the mains of the plan and
-- its last row.
with mains as (

    select * from {{ ref('fct_replacement_plan_pipes') }}

),

ranking as (

    select * from {{ ref('fct_pipe_risk') }}

),

left_out as (

    select ranking.length_m
    from ranking
    left join mains
        on ranking.pipe_id = mains.pipe_id
    where mains.pipe_id is null

),

longest as (

    select coalesce(max(length_m), 0) as left_out_m
    from left_out

),

planned as (

    select
        count(*) as pipe_count,
        coalesce(sum(cast(length_m as numeric(18, 3))), 0) as length_m,
        coalesce(sum(breaks_avoided_1y), 0) as breaks_avoided
    from mains

),

plan as (

    select
        coalesce(sum(pipe_count), 0) as pipe_count,
        coalesce(sum(cast(length_m as numeric(18, 3))), 0) as length_m,
        coalesce(max(cumulative_breaks_avoided_1y), 0) as breaks_avoided,
        min(length_m) as shortest_m
    from {{ ref('fct_replacement_plan') }}

)

select
    longest.left_out_m,
    plan.shortest_m,
    planned.pipe_count as main_count,
    plan.pipe_count as planned_count,
    planned.length_m as main_m,
    plan.length_m as planned_m
from longest
cross join planned
cross join plan
where
    planned.pipe_count <> plan.pipe_count
    or planned.length_m <> plan.length_m
    or abs(planned.breaks_avoided - plan.breaks_avoided) > 0.000001
    or longest.left_out_m >= {{ var('stub_length_m') }}
    or plan.shortest_m < {{ var('stub_length_m') }}
