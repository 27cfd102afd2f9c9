-- One row per weather station and month.
with station_months as (

    select * from {{ ref('int_climate__station_months') }}

),

final as (

    select
        -- keys
        station_id,
        month_on,

        -- facts
        temperature_mean_c,
        temperature_min_c,
        temperature_max_c,
        rainfall_mm
    from station_months

)

select * from final
