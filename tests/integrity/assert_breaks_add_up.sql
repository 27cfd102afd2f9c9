-- The breaks of fct_breaks are those of fct_city_months, month by month, and those in the areas and
-- whole months of fct_area_months.
with breaks as (

    select * from {{ ref('fct_breaks') }}

),

area_months as (

    select * from {{ ref('fct_area_months') }}
    where is_complete

),

by_month as (

    select
        month_on,
        count(*) as break_count
    from breaks
    group by 1

),

by_area_month as (

    select
        area_id,
        month_on,
        count(*) as break_count
    from breaks
    where is_in_record and area_id is not null
    group by 1, 2

),

city_months as (

    select * from {{ ref('fct_city_months') }}

)

select
    'fct_city_months' as mart,
    cast(null as text) as area_id,
    coalesce(by_month.month_on, city_months.month_on) as month_on,
    by_month.break_count as expected_count,
    city_months.recorded_break_count as found_count
from by_month
full outer join city_months
    on by_month.month_on = city_months.month_on
where coalesce(by_month.break_count, 0) <> coalesce(city_months.recorded_break_count, 0)

union all

select
    'fct_area_months' as mart,
    area_months.area_id,
    area_months.month_on,
    by_area_month.break_count as expected_count,
    area_months.break_count as found_count
from area_months
left join by_area_month
    on
        area_months.area_id = by_area_month.area_id
        and area_months.month_on = by_area_month.month_on
where coalesce(by_area_month.break_count, 0) <> area_months.break_count
