-- Halves are rounded away from zero on every engine, and a null stays null.
with cases as (

    select
        {{ rounded('2.5', 0) }} as actual,
        cast(3 as double precision) as expected

    union all

    select
        {{ rounded('-2.5', 0) }} as actual,
        cast(-3 as double precision) as expected

    union all

    select
        {{ rounded('cast(0.125 as double precision)', 2) }} as actual,
        cast(0.13 as double precision) as expected

    union all

    select
        {{ rounded('cast(-118.25 as double precision)', 1) }} as actual,
        cast(-118.3 as double precision) as expected

    union all

    -- More than a numeric of 18 digits holds.
    select
        {{ rounded('cast(1234567890.125 as double precision)', 2) }} as actual,
        cast(1234567890.13 as double precision) as expected

    union all

    select
        {{ rounded('cast(null as double precision)', 2) }} as actual,
        cast(null as double precision) as expected

)

select * from cases
where actual is distinct from expected
