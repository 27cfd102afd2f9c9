-- One row per year scored and segment, observed against expected breaks, for Power BI. Areas are
-- left out: who may see one area alone would see the others here.
with performance as (

    select * from {{ ref('fct_model_performance') }}
    where segment_kind <> 'area'

),

final as (

    select
        -- keys
        performance.grain
        || '-' || cast(performance.period_on as text)
        || '-' || performance.segment_kind
        || '-' || performance.segment as performance_key,
        performance.run_id,
        performance.grain,
        {{ code_name('prediction_grain', 'performance.grain') }} as grain_name,
        performance.period_on,
        performance.segment_kind,
        {{ code_name('segment_kind', 'performance.segment_kind') }} as segment_kind_name,
        performance.segment,
        case performance.segment_kind
            when 'material' then {{ code_name('material_group', 'performance.segment') }}
            else 'All'
        end as segment_name,

        -- facts
        performance.row_count,
        performance.observed_breaks,
        performance.expected_breaks,
        performance.observed_over_expected,
        performance.lower_95,
        performance.upper_95,

        -- flags
        performance.is_within_band,
        performance.is_beyond_chance,

        -- dates
        performance.trained_until
    from performance

)

select * from final
