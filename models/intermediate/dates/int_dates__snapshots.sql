-- A table, not a view: a few rows that nearly every mart joins.
{{ config(materialized='table', post_hook='{{ analyze_table(this) }}') }}

-- One row per as-of date with at least a year of record before it: each 1 January, of which the
-- newest are kept, and the day after the record, from which today's ranking looks ahead.
with period as (

    select * from {{ ref('int_dates__record_period') }}

),

counted as (

    {{ dbt.generate_series(300) }}

),

days as (

    select
        period.observed_from,
        period.observed_until,
        {{ year_start('cast(counted.generated_number + 1850 as integer)') }} as as_of_date
    from period
    cross join counted

    union

    select
        observed_from,
        observed_until,
        observed_until as as_of_date
    from period

),

ranked as (

    select
        observed_from,
        as_of_date,
        {{ add_months('as_of_date', 12) }} as horizon_ends_on,
        {{ add_months('as_of_date', 12) }} <= observed_until as is_label_complete,
        sum(case when extract(doy from as_of_date) = 1 then 1 else 0 end)
            over (order by as_of_date desc) as newest_years
    from days
    where
        as_of_date >= {{ add_months('observed_from', 12) }}
        and as_of_date <= observed_until

),

final as (

    select
        as_of_date,
        horizon_ends_on,
        observed_from,
        is_label_complete
    from ranked
    where newest_years <= {{ var('snapshot_years') }}

)

select * from final
