-- One row per ranking rule, group of mains and share of the network length: the share of the breaks
-- of the year held out that the riskiest meters caught. The published model is one of the rules.
with metrics as (

    select * from {{ ref('stg_ml__model_metrics') }}
    where
        split_name = 'last_year_out'
        and segment in ('all', 'no_history')
        and metric like 'capture_at_%pct_length'

),

published_runs as (

    select * from {{ ref('int_scores__published_runs') }}
    where grain = 'pipe'

),

runs as (

    select
        run_id,
        max(model_name) as model_name
    from {{ ref('stg_ml__model_runs') }}
    group by 1

),

final as (

    select
        -- keys
        metrics.run_id,
        metrics.model_name as rule_code,
        metrics.segment,
        -- capture_at_0_5pct_length: half a percent.
        cast(
            replace(
                replace(replace(metrics.metric, 'capture_at_', ''), 'pct_length', ''), '_', '.'
            ) as double precision
        ) / 100 as length_share,

        -- facts
        metrics.metric_value as captured_share,
        metrics.lower_95,
        metrics.upper_95,
        cast(metrics.break_count as integer) as break_count,

        -- flags
        metrics.model_name = runs.model_name as is_published_model,

        -- dates
        metrics.as_of_date as period_on
    from metrics
    inner join published_runs
        on metrics.run_id = published_runs.run_id
    inner join runs
        on metrics.run_id = runs.run_id
    where metrics.metric_value is not null

)

select * from final
