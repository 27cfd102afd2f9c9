-- A delivered line is kept. A line that a cell of Power BI would cut off, or that was not
-- delivered, is drawn straight between the ends. Without ends there is no line.
with mains as (

    select
        'delivered' as main,
        cast('LINESTRING (1 2, 3 4)' as text) as line_wkt,
        cast(1 as double precision) as start_longitude,
        cast(2 as double precision) as start_latitude,
        cast(3 as double precision) as end_longitude,
        cast(4 as double precision) as end_latitude

    union all

    select
        'too long' as main,
        repeat('1', 32001) as line_wkt,
        -118.25 as start_longitude,
        34 as start_latitude,
        -118.2512345 as end_longitude,
        34.5 as end_latitude

    union all

    select
        'ends only' as main,
        cast(null as text) as line_wkt,
        -118.25 as start_longitude,
        34 as start_latitude,
        -118.2512345 as end_longitude,
        34.5 as end_latitude

    union all

    select
        'no place' as main,
        cast(null as text) as line_wkt,
        cast(null as double precision) as start_longitude,
        cast(null as double precision) as start_latitude,
        cast(null as double precision) as end_longitude,
        cast(null as double precision) as end_latitude

),

cases as (

    select
        main,
        {{ line_text('mains') }} as actual,
        case main
            when 'delivered' then 'LINESTRING (1 2, 3 4)'
            when 'no place' then cast(null as text)
            else 'LINESTRING (-118.2500000 34.0000000, -118.2512345 34.5000000)'
        end as expected
    from mains

)

select * from cases
where actual is distinct from expected
