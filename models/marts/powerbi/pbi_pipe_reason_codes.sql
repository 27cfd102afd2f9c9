-- One row per scored main and reason, for Power BI: the three that raise its rate most.
select
    pipe_id || '-' || cast(reason_rank as text) as reason_key,
    run_id,
    pipe_id,
    as_of_date,
    reason_rank,
    {{ code_name('reason', 'reason_code') }} as reason_name,
    {{ code_sort('reason', 'reason_code') }} as reason_sort,
    reason,
    rate_factor
from {{ ref('fct_pipe_reason_codes') }}
