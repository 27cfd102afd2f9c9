-- One row per month: the breaks on record, the city's published total, the mains exposed to
-- them, and the weather.
with city_months as (

    select * from {{ ref('int_breaks__city_months') }}

),

months as (

    select * from {{ ref('int_dates__months') }}

),

breaks as (

    select
        month_on,
        count(*) as break_count
    from {{ ref('fct_breaks') }}
    where is_in_record
    group by 1

),

mains as (

    select
        month_on,
        sum(mains_km) as mains_km
    from {{ ref('int_pipes__area_months') }}
    group by 1

),

delivered_mains as (

    select sum(cast(delivered_mains_km as numeric(18, 3))) as mains_km
    from {{ ref('dim_areas') }}

),

climate as (

    select * from {{ ref('int_climate__city_months') }}

),

-- Months that the record or the city's totals name, and no others.
spine as (

    select month_on from months
    union
    select month_on from city_months

),

final as (

    select
        -- keys
        spine.month_on,

        -- breaks
        cast(city_months.reported_break_count as integer) as reported_break_count,
        cast(city_months.recorded_break_count as integer) as recorded_break_count,
        cast(
            case when months.is_complete then coalesce(breaks.break_count, 0) end as integer
        ) as break_count,

        -- exposure
        cast(coalesce(mains.mains_km, delivered_mains.mains_km) as double precision) as mains_km,

        -- weather
        climate.temperature_mean_c,
        climate.temperature_min_c,
        climate.rainfall_mm,

        -- flags
        coalesce(months.is_complete, false) as is_complete
    from spine
    cross join delivered_mains
    left join months
        on spine.month_on = months.month_on
    left join city_months
        on spine.month_on = city_months.month_on
    left join breaks
        on spine.month_on = breaks.month_on
    left join mains
        on spine.month_on = mains.month_on
    left join climate
        on spine.month_on = climate.month_on

)

select * from final
