-- One row a rule of choosing and budget, for Power BI.
select
    run_id,
    rule_code,
    budget_usd,
    project_count,
    pipe_count,
    length_m,
    length_share,
    cost_usd,
    breaks_avoided_1y,
    breaks_avoided_5y,
    breaks_avoided_10y,
    avoided_usd_10y,
    avoided_per_usd
from {{ ref('fct_plan_scenarios') }}
