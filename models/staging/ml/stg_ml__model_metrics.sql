-- One row per run, split, model, segment and metric: how well a model or a simple rule did.
select
    run_id,
    split_name,
    as_of_date,
    model_name,
    segment,
    metric,
    value as metric_value,
    lower_95,
    upper_95,
    row_count,
    break_count,
    computed_at
from {{ source('ml', 'model_metrics') }}
