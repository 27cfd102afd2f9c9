-- One row per month: the mean of all stations, and what could be known of it before the month
-- began.
with station_months as (

    select * from {{ ref('fct_climate_monthly') }}

),

city_months as (

    select
        month_on,
        {{ rounded('avg(temperature_mean_c)', 3) }} as temperature_mean_c,
        {{ rounded('avg(temperature_min_c)', 3) }} as temperature_min_c,
        {{ rounded('avg(rainfall_mm)', 3) }} as rainfall_mm
    from station_months
    group by 1

),

-- Normals of a month use only its earlier years.
normals as (

    select
        city_months.*,
        avg(temperature_min_c) over (
            partition by extract(month from month_on)
            order by month_on
            rows between unbounded preceding and current row
        ) as temperature_min_normal_c
    from city_months

),

final as (

    select
        month_on,
        temperature_mean_c,
        temperature_min_c,
        rainfall_mm,
        {{ rounded('temperature_min_normal_c', 3) }} as temperature_min_normal_c
    from normals

)

select * from final
