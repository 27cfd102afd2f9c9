-- One row per year scored and segment, observed against expected breaks, for Power BI. Areas are
-- left out, because a reader who may see only one area would see the others here.
with described as (

    select
        *,
        grain || '-' || cast(period_on as text) || '-' || segment_kind || '-' || segment
            as performance_key,
        {{ code_name('prediction_grain', 'grain') }} as grain_name,
        {{ code_name('segment_kind', 'segment_kind') }} as segment_kind_name,
        case segment_kind
            when 'material' then {{ code_name('material_group', 'segment') }}
            else 'All'
        end as segment_name
    from {{ ref('fct_model_performance') }}
    where segment_kind <> 'area'

)

{{ select_declared('described') }}
