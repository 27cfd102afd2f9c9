-- Windows of every feature rest on these: month ends, leap days, negative steps and nulls, on every
-- engine.
with cases as (

    select
        'leap day forward' as case_name,
        {{ add_months("cast('2020-02-29' as date)", 12) }} as actual,
        cast('2021-02-28' as date) as expected

    union all

    select
        'month end back',
        {{ add_months("cast('2021-03-31' as date)", -1) }},
        cast('2021-02-28' as date)

    union all

    select
        'five years back',
        {{ add_months("cast('2016-01-01' as date)", -60) }},
        cast('2011-01-01' as date)

    union all

    select
        'month start',
        {{ month_start("cast('2020-02-29' as date)") }},
        cast('2020-02-01' as date)

    union all

    select
        'year start',
        {{ year_start('1926') }},
        cast('1926-01-01' as date)

    union all

    select
        'nothing in, nothing out',
        {{ month_start('cast(null as date)') }},
        cast(null as date)

),

spans as (

    select
        'one day short of a month' as case_name,
        {{ whole_months_between("cast('2020-01-15' as date)", "cast('2020-02-14' as date)") }}
            as actual,
        0 as expected

    union all

    select
        'a month to the day',
        {{ whole_months_between("cast('2020-01-15' as date)", "cast('2020-02-15' as date)") }},
        1

    union all

    select
        'over a year end',
        {{ whole_months_between("cast('2014-12-31' as date)", "cast('2016-01-01' as date)") }},
        12

    union all

    select
        'days over a leap day',
        {{ days_between("cast('2020-02-28' as date)", "cast('2020-03-01' as date)") }},
        2

    union all

    select
        'days back',
        {{ days_between("cast('2020-03-01' as date)", "cast('2020-02-29' as date)") }},
        -1

    union all

    select
        'years in hundredths',
        cast(
            {{ years_between("cast('2000-01-01' as date)", "cast('2010-01-01' as date)") }} * 100
            as integer
        ),
        1000

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
