-- One row per month: the city's published total and the breaks on record.
with totals as (

    select * from {{ ref('int_breaks__totals') }}
    where exclusion_reason is null

),

breaks as (

    select * from {{ ref('int_breaks__conformed') }}
    where exclusion_reason is null

),

recorded as (

    select
        {{ month_start('broke_on') }} as month_on,
        cast(count(*) as integer) as recorded_break_count
    from breaks
    group by 1

),

final as (

    select
        coalesce(totals.month_on, recorded.month_on) as month_on,
        totals.break_count as reported_break_count,
        recorded.recorded_break_count
    from totals
    full outer join recorded
        on totals.month_on = recorded.month_on

)

select * from final
