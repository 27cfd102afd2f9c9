-- One row per run, area and month: what the model step wrote back.
select
    run_id,
    area_id,
    month_on,
    expected_breaks,
    break_probability,
    trained_until,
    scored_at
from {{ source('ml', 'area_month_scores') }}
