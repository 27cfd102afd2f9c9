-- One row a grain: breaks of the newest scored year that is on record, over those expected. The fit
-- behind the scores had seen none of them.
with published_runs as (

    select * from {{ ref('int_scores__published_runs') }}
    where grain = 'pipe'

),

pipe_scores as (

    select * from {{ ref('stg_ml__pipe_scores') }}

),

features as (

    select * from {{ ref('fct_pipe_features') }}
    where is_label_complete

),

area_month_risk as (

    select * from {{ ref('fct_area_month_risk') }}

),

yearly as (

    select
        pipe_scores.as_of_date,
        cast(sum(features.breaks_next_12m) as double precision) as observed,
        sum(pipe_scores.expected_breaks) as expected,
        row_number() over (order by pipe_scores.as_of_date desc) as recency
    from pipe_scores
    inner join published_runs
        on pipe_scores.run_id = published_runs.run_id
    inner join features
        on
            pipe_scores.pipe_id = features.pipe_id
            and pipe_scores.as_of_date = features.as_of_date
    group by 1

),

summed as (

    select
        'pipe' as segment,
        observed,
        expected
    from yearly
    where recency = 1

    union all

    select
        'area_month' as segment,
        cast(sum(break_count) as double precision) as observed,
        sum(expected_breaks) as expected
    from area_month_risk
    where break_count is not null

),

-- Chance alone moves the ratio by 1 / sqrt(expected): the band is no narrower than 2.6 times that.
final as (

    select
        'observed_over_expected' as figure,
        segment,
        {{ rounded('observed / expected', 6) }} as figure_value,
        {{ rounded('least(0.85, 1 - 2.6 / sqrt(expected))', 6) }} as lower_bound,
        {{ rounded('greatest(1.15, 1 + 2.6 / sqrt(expected))', 6) }} as upper_bound
    from summed
    where expected > 0

)

select * from final
