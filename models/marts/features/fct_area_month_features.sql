-- One row per area and month, known on the month's first day. The month after the record is
-- included, so that it can be scored.
with area_months as (

    select * from {{ ref('fct_area_months') }}

),

climate as (

    select * from {{ ref('int_climate__city_months') }}

),


history as (

    select
        area_months.*,
        cast(row_number() over area_until_now - 1 as integer) as months_observed,
        sum(break_count) over (
            partition by area_id order by month_on rows between unbounded preceding and 1 preceding
        ) as breaks_ever,
        sum(break_count) over (
            partition by area_id order by month_on rows between 1 preceding and 1 preceding
        ) as breaks_prior_1m,
        sum(break_count) over (
            partition by area_id order by month_on rows between 12 preceding and 1 preceding
        ) as breaks_prior_12m,
        sum(break_count) over (
            partition by area_id order by month_on rows between 36 preceding and 1 preceding
        ) as breaks_prior_36m,
        avg(break_count) over (
            partition by area_id, extract(month from month_on)
            order by month_on
            rows between unbounded preceding and 1 preceding
        ) as same_month_mean
    from area_months
    window area_until_now as (partition by area_id order by month_on)

),

-- The season of the whole city, from the whole years before.
city_months as (

    select
        month_on,
        extract(year from month_on) as year_number,
        extract(month from month_on) as month_number,
        sum(break_count) as break_count
    from area_months
    where is_complete
    group by 1

),

whole_years as (

    select
        year_number,
        sum(break_count) as break_count
    from city_months
    group by 1
    having count(*) = 12

),

spine as (

    select distinct month_on from area_months  -- one row per month, whatever the areas

),

seasons as (

    select
        spine.month_on,
        cast(
            sum(
                case
                    when city_months.month_number = extract(month from spine.month_on)
                        then city_months.break_count
                end
            ) as double precision
        ) / nullif(sum(city_months.break_count), 0) as city_same_month_share
    from spine
    inner join whole_years
        on extract(year from spine.month_on) > whole_years.year_number
    inner join city_months
        on whole_years.year_number = city_months.year_number
    group by 1

),

weather as (

    select
        spine.month_on,
        last_month.temperature_min_c as temperature_min_lag1_c,
        last_month.temperature_min_c - month_before.temperature_min_c
            as temperature_min_change_lag1_c,
        last_month.rainfall_mm as rainfall_lag1_mm,
        last_year.temperature_min_normal_c
    from spine
    left join climate as last_month
        on last_month.month_on = {{ add_months('spine.month_on', -1) }}
    left join climate as month_before
        on month_before.month_on = {{ add_months('spine.month_on', -2) }}
    left join climate as last_year
        on last_year.month_on = {{ add_months('spine.month_on', -12) }}

),

rainfall as (

    select
        spine.month_on,
        sum(
            case
                when climate.month_on >= {{ add_months('spine.month_on', -3) }}
                    then climate.rainfall_mm
            end
        ) as rainfall_prior_3m_mm,
        sum(climate.rainfall_mm) as rainfall_prior_12m_mm
    from spine
    inner join climate
        on
            spine.month_on > climate.month_on
            and {{ add_months('spine.month_on', -12) }} <= climate.month_on
    group by 1

),

final as (

    select
        -- keys
        history.area_id,
        history.month_on,
        cast(extract(month from history.month_on) as integer) as month_of_year,

        -- exposure
        history.exposure,
        history.exposure_basis,

        -- breaks before
        history.months_observed,
        cast(coalesce(history.breaks_ever, 0) as integer) as breaks_ever,
        cast(coalesce(history.breaks_prior_1m, 0) as integer) as breaks_prior_1m,
        cast(coalesce(history.breaks_prior_12m, 0) as integer) as breaks_prior_12m,
        cast(coalesce(history.breaks_prior_36m, 0) as integer) as breaks_prior_36m,
        {{ rounded('history.same_month_mean', 9) }} as same_month_mean,
        {{ rounded('seasons.city_same_month_share', 9) }} as city_same_month_share,

        -- climate before
        weather.temperature_min_lag1_c,
        weather.temperature_min_normal_c,
        {{ rounded('weather.temperature_min_change_lag1_c', 3) }} as temperature_min_change_lag1_c,
        weather.rainfall_lag1_mm,
        {{ rounded('rainfall.rainfall_prior_3m_mm', 3) }} as rainfall_prior_3m_mm,
        {{ rounded('rainfall.rainfall_prior_12m_mm', 3) }} as rainfall_prior_12m_mm,

        -- label
        history.break_count,
        history.is_complete as is_label_complete
    from history
    left join seasons
        on history.month_on = seasons.month_on
    left join weather
        on history.month_on = weather.month_on
    left join rainfall
        on history.month_on = rainfall.month_on

)

select * from final
