-- One row per area and month, for Power BI: exposure, breaks, climate, and the predicted
-- probability and class. Breaks outside every area have their own rows, so that breaks add up to
-- the city's total and a city without areas also has rows. Months that were not scored have no
-- prediction.
with area_months as (

    select * from {{ ref('fct_area_months') }}

),

areas as (

    select * from {{ ref('pbi_areas') }}

),

months as (

    select * from {{ ref('int_dates__months') }}

),

breaks as (

    select
        month_on,
        count(*) as break_count
    from {{ ref('fct_breaks') }}
    where is_in_record and area_id is null
    group by 1

),

mains as (

    select * from {{ ref('int_pipes__area_months') }}
    where area_id = 'unknown'

),

risk as (

    select * from {{ ref('fct_area_month_risk') }}

),

city_months as (

    select * from {{ ref('fct_city_months') }}

),

outside_any_area as (

    select
        'unknown' as area_id,
        months.month_on,
        cast(mains.mains_km as double precision) as exposure,
        case when mains.mains_km is null then 'unknown' else 'mains_km' end as exposure_basis,
        cast(
            case when months.is_complete then coalesce(breaks.break_count, 0) end as integer
        ) as break_count
    from months
    left join breaks
        on months.month_on = breaks.month_on
    left join mains
        on months.month_on = mains.month_on
    -- An area that is itself called unknown already has rows.
    where
        not exists (
            select 1 from area_months
            where area_months.area_id = 'unknown'
        )

),

unioned as (

    select
        area_id,
        month_on,
        exposure,
        exposure_basis,
        break_count
    from area_months

    union all

    select
        area_id,
        month_on,
        exposure,
        exposure_basis,
        break_count
    from outside_any_area

),

final as (

    select
        -- keys
        unioned.area_id,
        areas.area_name,
        areas.region_name,
        unioned.month_on,

        -- exposure and what happened
        unioned.exposure,
        {{ code_name('exposure_basis', 'unioned.exposure_basis') }} as exposure_basis_name,
        unioned.break_count,

        -- the city's weather, the same for each area
        city_months.temperature_min_c,
        city_months.rainfall_mm,
        {{ millimeters_to_inches('city_months.rainfall_mm') }} as rainfall_in,

        -- likelihood
        risk.run_id,
        risk.expected_breaks,
        risk.break_probability,
        risk.risk_class_code,
        coalesce(risk.risk_class_name, 'Not scored') as risk_class_name,
        coalesce(risk.risk_class_rank, 99) as risk_class_rank,
        risk.risk_rank
    from unioned
    left join areas
        on unioned.area_id = areas.area_id
    left join risk
        on
            unioned.area_id = risk.area_id
            and unioned.month_on = risk.month_on
    left join city_months
        on unioned.month_on = city_months.month_on

)

select * from final
