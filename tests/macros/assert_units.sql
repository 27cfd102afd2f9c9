-- Miles and inches are exact by definition, to the digits that every engine keeps.
with cases as (

    select
        {{ meters_to_miles('1609.344') }} as actual,
        cast(1 as double precision) as expected

    union all

    select
        {{ meters_to_miles('cast(100 as double precision)') }} as actual,
        cast(0.062137119 as double precision) as expected

    union all

    select
        {{ millimeters_to_inches('cast(25.4 as double precision)') }} as actual,
        cast(1 as double precision) as expected

    union all

    select
        {{ millimeters_to_inches('cast(null as double precision)') }} as actual,
        cast(null as double precision) as expected

)

select * from cases
where actual is distinct from expected
