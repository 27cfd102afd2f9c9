-- One row per ranking rule, group of mains and share of the network length, for Power BI: the share
-- of the breaks of the year held out that the riskiest meters caught.
with described as (

    select
        *,
        rule_code || '-' || segment || '-' || cast(cast(length_share as numeric(6, 4)) as text)
            as curve_key,
        case
            when is_published_model then 'This model'
            else {{ code_name('ranking_rule', 'rule_code') }}
        end as rule_name,
        case when is_published_model then 0 else {{ code_sort('ranking_rule', 'rule_code') }} end
            as rule_sort,
        case segment when 'all' then 'All mains' else 'Mains without a recorded break' end
            as segment_name
    from {{ ref('fct_capture_curve') }}

)

{{ select_declared('described') }}
