-- One row a month: the city's own published total beside the breaks on record.
with totals as (

    select * from {{ ref('stg_la_city__monthly_breaks') }}

),

breaks as (

    select * from {{ ref('int_breaks__conformed') }}
    where exclusion_reason is null

),

-- The newest delivery of a month wins.
latest_totals as (

    select
        month_on,
        break_count,
        row_number() over (
            partition by month_on
            order by {{ newest_first() }}
        ) as version
    from totals
    where month_on is not null

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
        coalesce(latest_totals.month_on, recorded.month_on) as month_on,
        latest_totals.break_count as reported_break_count,
        recorded.recorded_break_count
    from latest_totals
    full outer join recorded
        on latest_totals.month_on = recorded.month_on
    where coalesce(latest_totals.version, 1) = 1

)

select * from final
