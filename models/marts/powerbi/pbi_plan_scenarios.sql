-- One row per rule and budget, for Power BI.
with described as (

    select
        *,
        rule_code || '-' || cast(budget_usd as text) as scenario_key,
        {{ code_name('plan_rule', 'rule_code') }} as rule_name,
        {{ code_sort('plan_rule', 'rule_code') }} as rule_sort,
        {{ meters_to_miles('length_m') }} as length_miles,
        budget_usd <= 4 * {{ var('plan_budget_usd') }} as is_near_budget
    from {{ ref('fct_plan_scenarios') }}

)

{{ select_declared('described') }}
