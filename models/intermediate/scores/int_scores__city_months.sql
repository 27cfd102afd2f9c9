-- One row per whole month that the published runs scored: breaks expected of the whole network, and
-- those that happened to what was scored. The mains' expectation for a year is spread over its
-- months like the breaks on record before it. If no main is scored, the areas' months are added up.
with published_runs as (

    select * from {{ ref('int_scores__published_runs') }}

),

pipe_scores as (

    select * from {{ ref('stg_ml__pipe_scores') }}
    where horizon_months = 12

),

area_month_risk as (

    select * from {{ ref('fct_area_month_risk') }}

),

breaks as (

    select * from {{ ref('fct_breaks') }}
    where is_in_record

),

months as (

    select * from {{ ref('month_names') }}

),

scored_pipes as (

    select
        pipe_scores.pipe_id,
        pipe_scores.as_of_date,
        pipe_scores.expected_breaks
    from pipe_scores
    inner join published_runs
        on pipe_scores.run_id = published_runs.run_id

),

scored_years as (

    select
        as_of_date,
        case
            when as_of_date = {{ month_start('as_of_date') }} then as_of_date
            else {{ add_months(month_start('as_of_date'), 1) }}
        end as first_month_on,
        sum(expected_breaks) as expected_breaks
    from scored_pipes
    group by 1, 2

),

-- One break is added to each calendar month, so that no month is without any in a short record.
seasons as (

    select
        scored_years.as_of_date,
        months.month_number,
        1 + count(breaks.break_key) as season_count
    from scored_years
    cross join months
    left join breaks
        on
            scored_years.as_of_date > breaks.broke_on
            and not coalesce(breaks.is_date_suspect, false)
            and months.month_number = extract(month from breaks.broke_on)
    group by 1, 2

),

season_shares as (

    select
        seasons.*,
        season_count / cast(sum(season_count) over (partition by as_of_date) as double precision)
            as season_share
    from seasons

),

year_months as (

    select
        scored_years.as_of_date,
        scored_years.first_month_on,
        scored_years.expected_breaks,
        cast(months.month_number - 1 as integer) as months_later
    from scored_years
    cross join months

),

dated_months as (

    select
        year_months.*,
        {{ add_months('first_month_on', 'months_later') }} as month_on
    from year_months

),

-- The few breaks of these months are counted before they meet the many scores.
broken_pipes as (

    select
        dated_months.as_of_date,
        breaks.month_on,
        breaks.pipe_id,
        count(*) as break_count
    from breaks
    inner join dated_months
        on breaks.month_on = dated_months.month_on
    where breaks.pipe_id is not null
    group by 1, 2, 3

),

observed_pipes as (

    select
        broken_pipes.as_of_date,
        broken_pipes.month_on,
        sum(broken_pipes.break_count) as observed_breaks
    from broken_pipes
    inner join scored_pipes
        on
            broken_pipes.pipe_id = scored_pipes.pipe_id
            and broken_pipes.as_of_date = scored_pipes.as_of_date
    group by 1, 2

),

by_pipes as (

    select
        dated_months.month_on,
        coalesce(observed_pipes.observed_breaks, 0) as observed_breaks,
        dated_months.expected_breaks * season_shares.season_share as expected_breaks,
        row_number() over (
            partition by dated_months.month_on
            order by dated_months.as_of_date desc
        ) as recency
    from dated_months
    inner join season_shares
        on
            dated_months.as_of_date = season_shares.as_of_date
            and season_shares.month_number = extract(month from dated_months.month_on)
    left join observed_pipes
        on
            dated_months.as_of_date = observed_pipes.as_of_date
            and dated_months.month_on = observed_pipes.month_on

),

by_areas as (

    select
        month_on,
        sum(break_count) as observed_breaks,
        sum(expected_breaks) as expected_breaks
    from area_month_risk
    where not exists (select 1 from scored_years)
    group by 1

),

final as (

    select
        month_on,
        'mains' as expected_basis,
        cast(observed_breaks as integer) as observed_breaks,
        expected_breaks
    from by_pipes
    where recency = 1

    union all

    select
        month_on,
        'areas' as expected_basis,
        cast(observed_breaks as integer) as observed_breaks,
        expected_breaks
    from by_areas

)

select * from final
