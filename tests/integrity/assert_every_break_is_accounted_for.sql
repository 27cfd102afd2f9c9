-- Every delivered break or leak is in fct_breaks or in int_breaks__excluded with a reason, once.
with delivered as (

    select
        (select count(*) from {{ ref('stg_utility__breaks') }})
        + (select count(*) from {{ ref('stg_ladwp__leaks') }}) as row_count

),

accounted as (

    select
        (select count(*) from {{ ref('fct_breaks') }})
        + (select count(*) from {{ ref('int_breaks__excluded') }}) as row_count

)

select
    delivered.row_count as delivered_count,
    accounted.row_count as accounted_count
from delivered
cross join accounted
where delivered.row_count <> accounted.row_count
