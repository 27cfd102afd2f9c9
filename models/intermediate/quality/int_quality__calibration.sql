-- One row a grain: breaks of the newest scored year on record (of all scored months for areas, as
-- those make no calendar year) over those expected. The fit behind the scores had seen none of
-- them.
with model_performance as (

    select * from {{ ref('fct_model_performance') }}
    where segment_kind = 'all'

),

ranked as (

    select
        model_performance.*,
        row_number() over (partition by grain, run_id order by period_on desc) as recency
    from model_performance

),

summed as (

    select
        grain,
        cast(sum(observed_breaks) as double precision) as observed,
        sum(expected_breaks) as expected
    from ranked
    where grain <> 'pipe' or recency = 1
    group by 1

),

-- Chance alone moves the ratio by 1 / sqrt(expected): the band is no narrower than 2.6 times that.
final as (

    select
        'observed_over_expected' as figure,
        grain as segment,
        {{ rounded('observed / expected', 6) }} as figure_value,
        {{ rounded('least(0.85, 1 - 2.6 / sqrt(expected))', 6) }} as lower_bound,
        {{ rounded('greatest(1.15, 1 + 2.6 / sqrt(expected))', 6) }} as upper_bound
    from summed
    where expected > 0

)

select * from final
