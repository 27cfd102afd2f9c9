-- One row per run and fit of a model.
select
    run_id,
    trained_until,
    grain,
    model_name,
    train_from,
    row_count,
    break_count,
    trained_at
from {{ source('ml', 'model_runs') }}
