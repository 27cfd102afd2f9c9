-- Every total that the city published is in fct_city_months or in int_breaks__totals_excluded with
-- a reason, once.
with delivered as (

    select
        (select count(*) from {{ ref('stg_la_city__monthly_breaks') }}) as row_count

),

accounted as (

    select
        (
            select count(*) from {{ ref('fct_city_months') }}
            where reported_break_count is not null
        )
        + (select count(*) from {{ ref('int_breaks__totals_excluded') }}) as row_count

)

select
    delivered.row_count as delivered_count,
    accounted.row_count as accounted_count
from delivered
cross join accounted
where delivered.row_count <> accounted.row_count
