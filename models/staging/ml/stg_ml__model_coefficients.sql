-- One row per run, fit and term: the coefficients of the models that are kept as tables.
select
    run_id,
    trained_until,
    term,
    feature,
    transform,
    level,
    center,
    scale,
    coefficient
from {{ source('ml', 'model_coefficients') }}
