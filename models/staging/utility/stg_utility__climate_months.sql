-- One row per delivered station and month: the utility contract, with the month as its first day.
with climate as (

    select * from {{ source('utility', 'climate') }}

),

final as (

    select
        -- keys
        'climate' as source_name,
        _load_id as load_id,
        _row_number as row_number,
        {{ blank_to_null('station_id') }} as station_id,
        {{ month_start('month_on') }} as month_on,

        -- facts
        temperature_mean_c,
        temperature_min_c,
        temperature_max_c,
        rainfall_mm,

        -- dates
        _loaded_at as loaded_at
    from climate

)

select * from final
