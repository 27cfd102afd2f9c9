-- Both ends are included, a missing end accepts everything, and nulls are not checked.
{% set readings %}(
    select cast(-0.1 as double precision) as reading
    union all
    select cast(0 as double precision)
    union all
    select cast(1 as double precision)
    union all
    select cast(1.1 as double precision)
    union all
    select cast(null as double precision)
) as readings{% endset %}
with outside_both as (

    {{ test_in_range(readings, 'reading', 0, 1) }}

),

outside_below as (

    {{ test_in_range(readings, 'reading', minimum=0) }}

),

outside_above as (

    {{ test_in_range(readings, 'reading', maximum=1) }}

),

counted as (

    select
        (select count(*) from outside_both) as both_count,
        (select max(reading) from outside_below) as below,
        (select min(reading) from outside_above) as above

)

select *
from counted
where
    both_count <> 2
    or coalesce(below, 0) <> -0.1
    or coalesce(above, 0) <> 1.1
