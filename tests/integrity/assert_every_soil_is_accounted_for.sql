-- Every delivered soil map unit, component and horizon is in dim_soils, represents a row of it, or
-- is in int_soils__excluded with a reason, once.
with delivered as (

    select
        (select count(*) from {{ ref('stg_utility__soils') }})
        + (select count(*) from {{ ref('stg_ssurgo__map_units') }})
        + (select count(*) from {{ ref('stg_ssurgo__components') }})
        + (select count(*) from {{ ref('stg_ssurgo__horizons') }}) as row_count

),

accounted as (

    select
        (select count(*) from {{ ref('dim_soils') }})
        + (
            select count(*) from {{ ref('int_soils__components') }}
            where exclusion_reason is null
        )
        + (
            select count(*) from {{ ref('int_soils__horizons') }}
            where exclusion_reason is null
        )
        + (select count(*) from {{ ref('int_soils__excluded') }}) as row_count

)

select
    delivered.row_count as delivered_count,
    accounted.row_count as accounted_count
from delivered
cross join accounted
where delivered.row_count <> accounted.row_count
