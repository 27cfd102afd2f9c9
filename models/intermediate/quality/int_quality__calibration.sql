-- Two rows per grain: breaks of the newest scored year on record (of all scored months for areas,
-- as those are no calendar year) divided by those expected. The fit behind the scores had seen none
-- of them. The first figure uses the bounds of the seed, the second the bounds that chance allows.
with model_performance as (

    select * from {{ ref('fct_model_performance') }}
    where segment_kind = 'all'

),

band as (

    select * from {{ ref('int_quality__calibration_band') }}

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

ratios as (

    select
        grain,
        observed / expected as ratio,
        2.6 / sqrt(expected) as chance
    from summed
    where expected > 0

),

final as (

    select
        'observed_over_expected' as figure,
        grain as segment,
        {{ rounded('ratio', 6) }} as figure_value,
        cast(null as double precision) as lower_bound,
        cast(null as double precision) as upper_bound
    from ratios

    union all

    -- Chance alone moves the ratio by 1 / sqrt(expected): 2.6 times that once in a hundred years.
    select
        'observed_over_expected_beyond_chance' as figure,
        ratios.grain as segment,
        {{ rounded('ratios.ratio', 6) }} as figure_value,
        {{ rounded('least(band.lower_bound, 1 - ratios.chance)', 6) }} as lower_bound,
        {{ rounded('greatest(band.upper_bound, 1 + ratios.chance)', 6) }} as upper_bound
    from ratios
    cross join band

)

select * from final
