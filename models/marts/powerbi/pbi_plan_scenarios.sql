-- One row per rule of choosing and budget, for Power BI.
select
    rule_code || '-' || cast(budget_usd as text) as scenario_key,
    run_id,
    as_of_date,
    {{ code_name('plan_rule', 'rule_code') }} as rule_name,
    {{ code_sort('plan_rule', 'rule_code') }} as rule_sort,
    rule_code,
    budget_usd,
    project_count,
    pipe_count,
    length_m,
    {{ meters_to_miles('length_m') }} as length_miles,
    length_share,
    cost_usd,
    breaks_avoided_1y,
    breaks_avoided_5y,
    breaks_avoided_10y,
    avoided_usd_10y,
    avoided_per_usd,
    budget_usd <= 4 * {{ var('plan_budget_usd') }} as is_near_budget
from {{ ref('fct_plan_scenarios') }}
