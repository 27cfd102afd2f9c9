-- One row per scored main of the published run's newest as-of date, ranked by expected breaks per
-- meter: a planner buys meters, so the rank says where a meter avoids most. Mains that have left since
-- that date have no rank.
with scores as (

    select * from {{ ref('stg_ml__pipe_scores') }}

),

published_runs as (

    select * from {{ ref('int_scores__published_runs') }}
    where grain = 'pipe'

),

pipes as (

    select * from {{ ref('dim_pipes') }}
    where is_in_service

),

features as (

    select * from {{ ref('fct_pipe_features') }}

),

risk_classes as (

    select * from {{ ref('risk_classes') }}

),

consequences as (

    select * from {{ ref('int_pipes__consequences') }}

),

-- A day that is no snapshot any more, because loads were withdrawn, has no features.
snapshots as (

    select * from {{ ref('int_dates__snapshots') }}

),

published_scores as (

    select
        scores.*,
        max(scores.as_of_date) over () as newest_as_of_date
    from scores
    inner join published_runs
        on scores.run_id = published_runs.run_id
    inner join snapshots
        on scores.as_of_date = snapshots.as_of_date

),

newest_scores as (

    select * from published_scores
    where as_of_date = newest_as_of_date

),

described as (

    select
        newest_scores.run_id,
        newest_scores.as_of_date,
        newest_scores.horizon_months,
        newest_scores.trained_until,
        newest_scores.expected_breaks,
        newest_scores.break_probability,
        pipes.pipe_id,
        pipes.area_id,
        pipes.pressure_zone,
        pipes.street_name,
        pipes.material_code,
        pipes.material_name,
        pipes.install_year,
        pipes.diameter_mm,
        pipes.diameter_class,
        pipes.length_m,
        pipes.soil_corrosivity_code,
        features.breaks_ever,
        features.breaks_prior_60m,
        features.nearby_breaks_prior_36m,
        pipes.longitude,
        pipes.latitude,
        {{ rounded('newest_scores.expected_breaks / pipes.length_m * 1000', 9) }}
            as expected_breaks_per_km,
        consequences.consequence_factor,
        consequences.consequence_usd
    from newest_scores
    inner join pipes
        on newest_scores.pipe_id = pipes.pipe_id
    inner join features
        on
            newest_scores.pipe_id = features.pipe_id
            and newest_scores.as_of_date = features.as_of_date
    inner join consequences
        on newest_scores.pipe_id = consequences.pipe_id

),

ranked as (

    select
        described.*,
        cast(row_number() over by_rate as integer) as risk_rank,
        sum(cast(length_m as numeric(18, 3))) over (
            order by expected_breaks_per_km desc, {{ byte_order('pipe_id') }}
            rows between unbounded preceding and current row
        ) as cumulative_length_m,
        sum(cast(length_m as numeric(18, 3))) over () as total_length_m
    from described
    window by_rate as (order by expected_breaks_per_km desc, {{ byte_order('pipe_id') }})

),

-- A main belongs to the class in which its first meter falls.
shared as (

    select
        ranked.*,
        (cumulative_length_m - cast(length_m as numeric(18, 3))) / total_length_m
            as length_share_before,
        cumulative_length_m / total_length_m as cumulative_length_share
    from ranked

),

final as (

    select
        -- keys
        shared.run_id,
        shared.pipe_id,
        shared.as_of_date,
        shared.area_id,

        -- likelihood
        shared.horizon_months,
        shared.expected_breaks,
        shared.break_probability,
        shared.expected_breaks_per_km,
        shared.risk_rank,
        cast(shared.cumulative_length_share as double precision) as cumulative_length_share,
        risk_classes.risk_class_code,
        risk_classes.risk_class_name,
        risk_classes.risk_class_rank,

        -- consequence and risk
        shared.consequence_factor,
        shared.consequence_usd,
        shared.expected_breaks * shared.consequence_usd as risk_usd,

        -- what the main is and went through
        shared.street_name,
        shared.pressure_zone,
        shared.material_code,
        shared.material_name,
        shared.install_year,
        shared.diameter_mm,
        shared.diameter_class,
        shared.length_m,
        shared.soil_corrosivity_code,
        shared.breaks_ever,
        shared.breaks_prior_60m,
        shared.nearby_breaks_prior_36m,
        shared.longitude,
        shared.latitude,

        -- dates
        shared.trained_until
    from shared
    inner join risk_classes
        on
            shared.length_share_before >= risk_classes.min_length_share
            and shared.length_share_before < risk_classes.max_length_share

)

select * from final
