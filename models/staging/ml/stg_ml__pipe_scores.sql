-- One row per run, main and as-of date: what the model step wrote back.
select
    run_id,
    pipe_id,
    as_of_date,
    horizon_months,
    expected_breaks,
    break_probability,
    trained_until,
    scored_at
from {{ source('ml', 'pipe_scores') }}
