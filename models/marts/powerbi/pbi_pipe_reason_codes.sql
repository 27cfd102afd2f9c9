-- One row a main and reason, the three that raise its rate most, for Power BI.
select
    run_id,
    pipe_id,
    as_of_date,
    reason_rank,
    reason_code,
    reason,
    rate_factor
from {{ ref('fct_pipe_reason_codes') }}
