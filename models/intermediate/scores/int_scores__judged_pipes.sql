-- One row per main and year that the published run scored and whose outcome is known, by a fit that
-- had not seen it.
with pipe_scores as (

    select * from {{ ref('stg_ml__pipe_scores') }}
    where horizon_months = 12

),

published_runs as (

    select * from {{ ref('int_scores__published_runs') }}
    where grain = 'pipe'

),

features as (

    select * from {{ ref('fct_pipe_features') }}
    where is_label_complete

),

final as (

    select
        -- keys
        pipe_scores.run_id,
        pipe_scores.pipe_id,
        pipe_scores.as_of_date,
        coalesce(features.area_id, 'unknown') as area_id,

        -- facts
        features.material_group,
        pipe_scores.expected_breaks,
        features.breaks_next_12m as break_count,

        -- dates
        pipe_scores.trained_until
    from pipe_scores
    inner join published_runs
        on pipe_scores.run_id = published_runs.run_id
    inner join features
        on
            pipe_scores.pipe_id = features.pipe_id
            and pipe_scores.as_of_date = features.as_of_date

)

select * from final
