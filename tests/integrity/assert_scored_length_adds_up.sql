-- The ranked mains are the modeled mains in service since the as-of date, to the meter.
with risk as (

    select
        max(as_of_date) as as_of_date,
        count(*) as pipe_count,
        sum(cast(length_m as numeric(18, 3))) as length_m
    from {{ ref('fct_pipe_risk') }}

),

pipes as (

    select * from {{ ref('dim_pipes') }}

),

in_service as (

    select
        count(*) as pipe_count,
        sum(cast(pipes.length_m as numeric(18, 3))) as length_m
    from pipes
    cross join risk
    where
        pipes.is_modelled
        and (pipes.installed_on is null or pipes.installed_on < risk.as_of_date)
        and (pipes.in_service_from is null or pipes.in_service_from < risk.as_of_date)
        and pipes.is_in_service

)

select
    risk.as_of_date,
    risk.pipe_count as scored_count,
    in_service.pipe_count as in_service_count,
    risk.length_m as scored_m,
    in_service.length_m as in_service_m
from risk
cross join in_service
where
    risk.pipe_count > 0
    and (risk.pipe_count <> in_service.pipe_count or risk.length_m <> in_service.length_m)
