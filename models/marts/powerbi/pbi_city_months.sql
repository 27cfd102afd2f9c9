-- One row per month of the whole city, for Power BI: breaks, the mains exposed to them, the
-- weather, and what the published run expected. Rates need the exposure of the same month, so it
-- is here.
with city_months as (

    select * from {{ ref('fct_city_months') }}

),

expected as (

    select * from {{ ref('int_scores__city_months') }}

),

spine as (

    select month_on from city_months
    union
    select month_on from expected

),

measured as (

    select
        city_months.*,
        spine.month_on as spine_month_on,
        {{ meters_to_miles('city_months.mains_km * 1000') }} as mains_miles,
        {{ millimeters_to_inches('city_months.rainfall_mm') }} as rainfall_in,
        expected.expected_breaks,
        expected.expected_basis,
        expected.observed_breaks,
        coalesce(city_months.is_complete, false) as is_complete_month
    from spine
    left join city_months
        on spine.month_on = city_months.month_on
    left join expected
        on spine.month_on = expected.month_on

),

judged as (

    select
        *,
        case when mains_miles is not null then break_count end as break_count_with_mains,
        case when rainfall_in is not null then break_count end as break_count_with_rain,
        case when is_complete_month then mains_miles / 12 end as mile_years,
        case when is_complete_month then rainfall_in end as recorded_rainfall_in,
        {{ code_name('expected_basis', 'expected_basis') }} as expected_basis_name,
        case when is_complete_month then observed_breaks end as judged_break_count,
        case when is_complete_month then expected_breaks end as judged_expected_breaks
    from measured

)

{{ select_declared('judged', {'month_on': 'spine_month_on'}) }}
