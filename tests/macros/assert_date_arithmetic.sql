-- The windows of every feature use these: month ends, leap days, negative steps and nulls, on every
-- engine.
with cases as (

    select
        'leap day forward' as case_name,
        {{ add_months("cast('2020-02-29' as date)", 12) }} as actual,
        cast('2021-02-28' as date) as expected

    union all

    select
        'month end back' as case_name,
        {{ add_months("cast('2021-03-31' as date)", -1) }} as actual,
        cast('2021-02-28' as date) as expected

    union all

    select
        'five years back' as case_name,
        {{ add_months("cast('2016-01-01' as date)", -60) }} as actual,
        cast('2011-01-01' as date) as expected

    union all

    select
        'month start' as case_name,
        {{ month_start("cast('2020-02-29' as date)") }} as actual,
        cast('2020-02-01' as date) as expected

    union all

    select
        'year start' as case_name,
        {{ year_start('1926') }} as actual,
        cast('1926-01-01' as date) as expected

    union all

    select
        'null stays null' as case_name,
        {{ month_start('cast(null as date)') }} as actual,
        cast(null as date) as expected

),

spans as (

    select
        'one day short of a month' as case_name,
        {{ whole_months_between("cast('2020-01-15' as date)", "cast('2020-02-14' as date)") }}
            as actual,
        0 as expected

    union all

    select
        'a month to the day' as case_name,
        {{ whole_months_between("cast('2020-01-15' as date)", "cast('2020-02-15' as date)") }}
            as actual,
        1 as expected

    union all

    select
        'over a year end' as case_name,
        {{ whole_months_between("cast('2014-12-31' as date)", "cast('2016-01-01' as date)") }}
            as actual,
        12 as expected

    union all

    select
        'days over a leap day' as case_name,
        {{ days_between("cast('2020-02-28' as date)", "cast('2020-03-01' as date)") }} as actual,
        2 as expected

    union all

    select
        'days back' as case_name,
        {{ days_between("cast('2020-03-01' as date)", "cast('2020-02-29' as date)") }} as actual,
        -1 as expected

    union all

    select
        'years in hundredths' as case_name,
        cast(
            {{ years_between("cast('2000-01-01' as date)", "cast('2010-01-01' as date)") }} * 100
            as integer
        ) as actual,
        1000 as expected

)

select
    case_name,
    cast(actual as text) as actual,
    cast(expected as text) as expected
from cases
where actual is distinct from expected

union all

select
    case_name,
    cast(actual as text) as actual,
    cast(expected as text) as expected
from spans
where actual is distinct from expected
