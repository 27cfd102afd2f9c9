-- A table, not a view: a few rows that nearly every mart joins.
{{ config(materialized='table', post_hook='{{ analyze_table(this) }}') }}

-- One row per month of the record, and the one after it, which can be scored but has no label yet.
with period as (

    select * from {{ ref('int_dates__record_period') }}

),

numbers as (

    {{ dbt.generate_series(2400) }}

),

counted as (

    select cast(generated_number - 1 as integer) as months_later
    from numbers

),

months as (

    select
        period.observed_from,
        period.observed_until,
        {{ add_months(month_start('period.observed_from'), 'counted.months_later') }} as month_on
    from period
    cross join counted

),

final as (

    select
        month_on,
        {{ add_months('month_on', 1) }} as next_month_on,
        {{ add_months('month_on', 1) }} <= observed_until as is_complete
    from months
    where
        month_on >= observed_from
        and month_on <= observed_until

)

select * from final
