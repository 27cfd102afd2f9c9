-- One row per ranking rule, group of mains and share of the network length, for Power BI: the share
-- of the breaks of the year held out that the riskiest meters caught.
select
    rule_code || '-' || segment || '-' || cast(cast(length_share as numeric(6, 4)) as text)
        as curve_key,
    run_id,
    rule_code,
    case
        when is_published_model then 'This model' else {{ code_name('ranking_rule', 'rule_code') }}
    end as rule_name,
    case when is_published_model then 0 else {{ code_sort('ranking_rule', 'rule_code') }} end
        as rule_sort,
    segment,
    case segment when 'all' then 'All mains' else 'Mains without a recorded break' end
        as segment_name,
    length_share,
    captured_share,
    lower_95,
    upper_95,
    break_count,
    is_published_model,
    period_on
from {{ ref('fct_capture_curve') }}
