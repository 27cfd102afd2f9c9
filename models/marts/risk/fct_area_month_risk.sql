-- One row per scored area and month of the published run, with what then happened where it is
-- known.
with scores as (

    select * from {{ ref('stg_ml__area_month_scores') }}

),

published_runs as (

    select * from {{ ref('int_scores__published_runs') }}
    where grain = 'area_month'

),

area_months as (

    select * from {{ ref('fct_area_months') }}

),

risk_classes as (

    select * from {{ ref('risk_classes') }}

),

final as (

    select
        -- keys
        scores.run_id,
        scores.area_id,
        scores.month_on,

        -- likelihood
        scores.expected_breaks,
        scores.break_probability,
        risk_classes.risk_class_code,
        risk_classes.risk_class_name,
        risk_classes.risk_class_rank,
        cast(
            row_number() over (
                partition by scores.month_on
                order by
                    {{ rounded('scores.expected_breaks', 9) }} desc,
                    {{ byte_order('scores.area_id') }}
            ) as integer
        ) as risk_rank,

        -- exposure and what happened
        area_months.exposure,
        area_months.exposure_basis,
        area_months.break_count,

        -- dates
        scores.trained_until
    from scores
    inner join published_runs
        on scores.run_id = published_runs.run_id
    inner join area_months
        on
            scores.area_id = area_months.area_id
            and scores.month_on = area_months.month_on
    inner join risk_classes
        on
            scores.break_probability >= risk_classes.min_month_probability
            and scores.break_probability < risk_classes.max_month_probability

)

select * from final
