-- Grain: one row per month as delivered (load_id, row_number).
-- The city-wide totals reach back to 2003 and check the leaks that are known individually.
with

monthly_breaks as (

    select * from {{ source('la_city', 'la_monthly_breaks') }}

),

final as (

    select
        -- keys
        _load_id as load_id,
        _row_number as row_number,
        {{ try_date('month', 'mon-yy') }} as month_on,

        -- facts
        cast({{ try_number('total') }} as integer) as break_count,

        -- load
        _loaded_at as loaded_at
    from monthly_breaks

)

select * from final
