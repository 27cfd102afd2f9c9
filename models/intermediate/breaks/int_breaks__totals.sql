-- One row per delivered monthly total, with the reason where it is set aside.
with totals as (

    select * from {{ ref('stg_la_city__monthly_breaks') }}

),

-- The newest delivery of a month is used.
versions as (

    select
        totals.*,
        row_number() over (
            partition by month_on
            order by {{ newest_first() }}
        ) as version
    from totals

),

final as (

    select
        -- keys
        load_id,
        row_number,
        month_on,

        -- facts
        break_count,

        -- flags
        case
            when month_on is null then 'no_month'
            when version > 1 then 'superseded_by_later_delivery'
        end as exclusion_reason
    from versions

)

select * from final
