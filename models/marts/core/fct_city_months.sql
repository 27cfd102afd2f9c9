-- One row a month: the city's published total of main breaks beside the breaks on record, for
-- reconciliation.
with city_months as (

    select * from {{ ref('int_breaks__city_months') }}

),

final as (

    select
        -- keys
        month_on,

        -- facts
        cast(reported_break_count as integer) as reported_break_count,
        cast(recorded_break_count as integer) as recorded_break_count
    from city_months

)

select * from final
