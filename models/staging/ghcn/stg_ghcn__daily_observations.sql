-- Grain: one row per station, day and element of a delivery
-- (load_id, station_id, observed_on, element).
-- A line of the file holds a month, with space for 31 days, but climate features need days. Only
-- daily maximum, minimum and rain are unpacked, because nothing reads the other elements; the
-- landing table keeps them.
with

station_months as (

    select * from {{ source('ghcn', 'ghcn_daily') }}

),

days as (

    {% for day_of_month in range(1, 32) -%}
        select {{ day_of_month }} as day_of_month
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

elements as (

    select
        _load_id as load_id,
        _row_number as row_number,
        _loaded_at as loaded_at,
        year || '-' || month as month_text,
        day_values,
        {{ blank_to_null('station_id') }} as station_id,
        {{ blank_to_null('element') }} as element
    from station_months

),

unpacked as (

    select
        elements.load_id,
        elements.row_number,
        elements.loaded_at,
        elements.station_id,
        elements.element,
        elements.month_text || '-' || cast(days.day_of_month as text) as day_text,
        -- each day: value in 5 characters, then the measurement, quality and source flags
        substr(elements.day_values, (days.day_of_month - 1) * 8 + 1, 5) as value_text,
        substr(elements.day_values, (days.day_of_month - 1) * 8 + 7, 1) as quality_text
    from elements
    cross join days
    where elements.element in ('TMAX', 'TMIN', 'PRCP')

),

typed as (

    select
        load_id,
        row_number,
        loaded_at,
        station_id,
        element,
        {{ try_date('day_text', 'yyyy-mm-dd') }} as observed_on,
        nullif({{ try_number('value_text') }}, -9999) as value_in_tenths,
        {{ blank_to_null('quality_text') }} as quality_flag
    from unpacked

),

final as (

    select
        -- keys
        station_id,
        observed_on,
        element,

        -- facts
        value_in_tenths / 10 as value,
        quality_flag,
        value_in_tenths is not null and quality_flag is null as is_valid,

        -- load
        load_id,
        row_number,
        loaded_at
    from typed
    -- the line has space for 31 February, which is not a day
    where observed_on is not null

)

select * from final
