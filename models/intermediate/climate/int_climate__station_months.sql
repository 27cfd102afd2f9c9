-- One row per station and month of any source. Daily stations need 20 valid days for a mean
-- temperature and 25 for a precipitation total (a missed storm is not a dry month).
with utility_months as (

    select * from {{ ref('stg_utility__climate_months') }}

),

daily_observations as (

    select * from {{ ref('stg_ghcn__daily_observations') }}
    where is_valid

),

-- The newest delivery of a station and month is used.
versions as (

    select
        utility_months.*,
        row_number() over (
            partition by station_id, month_on
            order by {{ newest_first() }}
        ) as version
    from utility_months

),

daily_versions as (

    select
        daily_observations.*,
        row_number() over (
            partition by station_id, observed_on, element
            order by {{ newest_first() }}
        ) as version
    from daily_observations

),

aggregated as (

    select
        station_id,
        {{ month_start('observed_on') }} as month_on,
        avg(case when element = 'TMIN' then value end) as temperature_min_c,
        avg(case when element = 'TMAX' then value end) as temperature_max_c,
        sum(case when element = 'PRCP' then value end) as rainfall_mm,
        count(case when element = 'TMIN' then 1 end) as temperature_min_days,
        count(case when element = 'TMAX' then 1 end) as temperature_max_days,
        count(case when element = 'PRCP' then 1 end) as rainfall_days
    from daily_versions
    where version = 1
    group by 1, 2

),

unioned as (

    select
        station_id,
        month_on,
        temperature_mean_c,
        temperature_min_c,
        temperature_max_c,
        rainfall_mm
    from versions
    where version = 1

    union all

    select
        station_id,
        month_on,
        case
            when temperature_min_days >= 20 and temperature_max_days >= 20
                then (temperature_min_c + temperature_max_c) / 2
        end as temperature_mean_c,
        case when temperature_min_days >= 20 then temperature_min_c end as temperature_min_c,
        case when temperature_max_days >= 20 then temperature_max_c end as temperature_max_c,
        case when rainfall_days >= 25 then rainfall_mm end as rainfall_mm
    from aggregated

),

final as (

    select
        station_id,
        month_on,
        {{ rounded('temperature_mean_c', 3) }} as temperature_mean_c,
        {{ rounded('temperature_min_c', 3) }} as temperature_min_c,
        {{ rounded('temperature_max_c', 3) }} as temperature_max_c,
        {{ rounded('rainfall_mm', 3) }} as rainfall_mm
    from unioned

)

select * from final
