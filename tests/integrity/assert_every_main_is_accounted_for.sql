-- Every delivered main is in dim_pipes or in int_pipes__excluded with a reason; no meter is lost.
with delivered as (

    select cast(length_m as numeric(18, 3)) as length_m
    from {{ ref('int_pipes__conformed') }}

),

accounted as (

    select cast(length_m as numeric(18, 3)) as length_m
    from {{ ref('dim_pipes') }}

    union all

    select cast(length_m as numeric(18, 3)) as length_m
    from {{ ref('int_pipes__excluded') }}

),

delivered_total as (

    select
        count(*) as pipe_count,
        coalesce(sum(length_m), 0) as length_m
    from delivered

),

accounted_total as (

    select
        count(*) as pipe_count,
        coalesce(sum(length_m), 0) as length_m
    from accounted

)

select
    delivered_total.pipe_count as delivered_count,
    accounted_total.pipe_count as accounted_count,
    delivered_total.length_m as delivered_m,
    accounted_total.length_m as accounted_m
from delivered_total
cross join accounted_total
where
    delivered_total.pipe_count <> accounted_total.pipe_count
    or delivered_total.length_m <> accounted_total.length_m
