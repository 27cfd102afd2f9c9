-- One row per figure, segment and severity: whether the deliveries and predictions look like those
-- of a real network of mains. Bounds come from the seed plausibility_bounds, unless the figure
-- computes its own.
with network_figures as (

    select * from {{ ref('int_quality__network_figures') }}

),

break_counts as (

    select * from {{ ref('int_quality__break_counts') }}

),

feature_shift as (

    select * from {{ ref('int_quality__feature_shift') }}

),

calibration as (

    select * from {{ ref('int_quality__calibration') }}

),

bounds as (

    select * from {{ ref('plausibility_bounds') }}

),

figures as (

    select
        figure,
        segment,
        figure_value,
        cast(null as double precision) as lower_bound,
        cast(null as double precision) as upper_bound
    from network_figures

    union all

    select
        figure,
        segment,
        figure_value,
        lower_bound,
        upper_bound
    from break_counts

    union all

    select
        figure,
        segment,
        figure_value,
        cast(null as double precision) as lower_bound,
        cast(null as double precision) as upper_bound
    from feature_shift

    union all

    select
        figure,
        segment,
        figure_value,
        lower_bound,
        upper_bound
    from calibration

),

bounded as (

    select
        figures.figure,
        figures.segment,
        figures.figure_value,
        coalesce(figures.lower_bound, bounds.lower_bound) as lower_bound,
        coalesce(figures.upper_bound, bounds.upper_bound) as upper_bound,
        bounds.severity,
        bounds.reason
    from figures
    inner join bounds
        on figures.figure = bounds.figure

),

final as (

    select
        -- keys
        figure,
        segment,
        severity,

        -- facts
        cast(figure_value as double precision) as figure_value,
        lower_bound,
        upper_bound,
        reason,

        -- flags
        coalesce(figure_value >= lower_bound, true) and coalesce(figure_value <= upper_bound, true)
            as is_within
    from bounded

)

select * from final
