-- A constant rate gives the first year as often as there are years; +2 % a year gives 1 + 1.02.
with cases as (

    select
        {{ years_carried(10, 0) }} as actual,
        10 as expected
    union all
    select
        {{ years_carried(1, 0.02) }} as actual,
        1 as expected
    union all
    select
        {{ years_carried(2, 0.02) }} as actual,
        2.02 as expected

)

select * from cases
where coalesce(abs(actual - expected), 1) > 0.000000001
