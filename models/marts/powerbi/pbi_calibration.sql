-- One row per year scored and tenth of the mains, for Power BI: observed against expected breaks.
select
    cast(period_on as text) || '-' || cast(tenth as text) as calibration_key,
    run_id,
    period_on,
    tenth,
    pipe_count,
    observed_breaks,
    expected_breaks,
    observed_lower_95,
    observed_upper_95
from {{ ref('fct_calibration') }}
