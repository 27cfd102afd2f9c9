-- One row a year scored and segment, observed against expected breaks, for Power BI.
select
    run_id,
    grain,
    period_on,
    segment_kind,
    segment,
    row_count,
    observed_breaks,
    expected_breaks,
    observed_over_expected,
    lower_95,
    upper_95,
    is_within_band,
    is_beyond_chance,
    trained_until
from {{ ref('fct_model_performance') }}
