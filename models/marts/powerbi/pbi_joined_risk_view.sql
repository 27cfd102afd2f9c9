-- One row an area and month: exposure, breaks and climate joined to the predicted probability and
-- class. Months that were not scored have no prediction.
with area_months as (

    select * from {{ ref('fct_area_months') }}

),

areas as (

    select * from {{ ref('dim_areas') }}

),

risk as (

    select * from {{ ref('fct_area_month_risk') }}

),

climate as (

    select
        month_on,
        avg(temperature_min_c) as temperature_min_c,
        avg(rainfall_mm) as rainfall_mm
    from {{ ref('fct_climate_monthly') }}
    group by 1

),

final as (

    select
        area_months.area_id,
        areas.area_name,
        areas.region_name,
        area_months.month_on,
        area_months.exposure,
        area_months.exposure_basis,
        area_months.break_count,
        {{ rounded('climate.temperature_min_c', 3) }} as temperature_min_c,
        {{ rounded('climate.rainfall_mm', 3) }} as rainfall_mm,
        risk.run_id,
        risk.expected_breaks,
        risk.break_probability,
        risk.risk_class_code,
        risk.risk_class_name,
        risk.risk_class_rank,
        risk.risk_rank
    from area_months
    inner join areas
        on area_months.area_id = areas.area_id
    left join risk
        on
            area_months.area_id = risk.area_id
            and area_months.month_on = risk.month_on
    left join climate
        on area_months.month_on = climate.month_on

)

select * from final
