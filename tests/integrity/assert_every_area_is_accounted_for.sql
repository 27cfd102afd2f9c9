-- Every delivered area is in dim_areas or in int_areas__excluded with a reason, once.
with delivered as (

    select
        (select count(*) from {{ ref('stg_utility__areas') }})
        + (select count(*) from {{ ref('stg_la_city__neighborhoods') }}) as row_count

),

accounted as (

    select
        (select count(*) from {{ ref('dim_areas') }})
        + (select count(*) from {{ ref('int_areas__excluded') }}) as row_count

)

select
    delivered.row_count as delivered_count,
    accounted.row_count as accounted_count
from delivered
cross join accounted
where delivered.row_count <> accounted.row_count
