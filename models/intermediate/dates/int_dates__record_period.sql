-- A table, not a view: a few rows that nearly every mart joins.
{{ config(materialized='table', post_hook='{{ analyze_table(this) }}') }}

-- One row: the period over which breaks were recorded systematically. A mapping may declare it;
-- otherwise it begins with the first break's month and ends with the last break. If that fell in
-- the last week of a month, the rest of the week had no break and belongs to the record too.
-- observed_until is the first day after the record.
with deliveries as (

    select * from {{ ref('int_loads__deliveries') }}

),

breaks as (

    select * from {{ ref('int_breaks__conformed') }}
    where exclusion_reason is null

),

declared as (

    select
        max(record_from) as record_from,
        max(record_until) as record_until
    from deliveries
    where table_name in ('breaks', 'ladwp_leaks') and not is_read_again

),

recorded as (

    select
        min(broke_on) as first_broke_on,
        max(broke_on) as last_broke_on,
        {{ add_months(month_start('max(broke_on)'), 1) }} as next_month_on
    from breaks

),

final as (

    select
        coalesce(declared.record_from, {{ month_start('recorded.first_broke_on') }})
            as observed_from,
        coalesce(
            cast(declared.record_until + 1 as date),
            case
                when recorded.last_broke_on >= cast(recorded.next_month_on - 7 as date)
                    then recorded.next_month_on
                else cast(recorded.last_broke_on + 1 as date)
            end
        ) as observed_until
    from recorded
    cross join declared
    where recorded.first_broke_on is not null

)

select * from final
