-- One row per day, without a gap, in whole years: from the first year of any fact to the end of the
-- year after the last one.
with period as (

    select * from {{ ref('int_dates__record_period') }}

),

breaks as (

    select
        min(broke_on) as first_on,
        max(broke_on) as last_on
    from {{ ref('fct_breaks') }}

),

climate as (

    select
        min(month_on) as first_on,
        max(month_on) as last_on
    from {{ ref('fct_climate_monthly') }}

),

city_months as (

    select
        min(month_on) as first_on,
        max(month_on) as last_on
    from {{ ref('fct_city_months') }}

),

numbers as (

    {{ dbt.generate_series(70000) }}

),

counted as (

    select cast(generated_number - 1 as integer) as days_later
    from numbers

),

facts as (

    select * from breaks
    union all
    select * from climate
    union all
    select * from city_months
    union all
    select
        observed_from as first_on,
        observed_until as last_on
    from period

),

bounds as (

    select
        cast(date_trunc('year', min(first_on)) as date) as first_on,
        {{ add_months("cast(date_trunc('year', max(last_on)) as date)", 24) }} as last_on
    from facts

),

days as (

    select cast(bounds.first_on + counted.days_later as date) as date_on
    from bounds
    cross join counted
    where bounds.first_on + counted.days_later < bounds.last_on

),

record_months as (

    select * from {{ ref('int_dates__months') }}

),

latest as (

    select cast(extract(year from max(month_on)) as integer) as year_number
    from record_months
    where is_complete

),

months as (

    select * from {{ ref('month_names') }}

),

-- A fiscal year is named by the year it ends in.
numbered as (

    select
        date_on,
        {{ month_start('date_on') }} as month_on,
        cast(extract(year from date_on) as integer) as year_number,
        cast(extract(quarter from date_on) as integer) as quarter_number,
        cast(extract(month from date_on) as integer) as month_number,
        cast(extract(day from date_on) as integer) as day_number,
        cast(extract(isodow from date_on) as integer) as weekday_number,
        cast(
            mod(
                cast(extract(month from date_on) as integer)
                + 12 - {{ var('fiscal_year_first_month') }},
                12
            )
            + 1 as integer
        ) as fiscal_month_number
    from days

),

fiscal as (

    select
        numbered.*,
        cast(date_on - (weekday_number - 1) as date) as week_on,
        cast(
            year_number + case when fiscal_month_number < month_number then 1 else 0 end as integer
        ) as fiscal_year
    from numbered

),

final as (

    select
        -- keys
        fiscal.date_on,
        fiscal.month_on,

        -- calendar year
        fiscal.year_number,
        fiscal.quarter_number,
        fiscal.month_number,
        fiscal.day_number,
        months.month_name,
        substring(months.month_name, 1, 3) as month_short,
        substring(months.month_name, 1, 3) || ' ' || cast(fiscal.year_number as text) as year_month,
        fiscal.year_number * 100 + fiscal.month_number as year_month_sort,

        -- fiscal year
        fiscal.fiscal_year,
        'FY ' || cast(fiscal.fiscal_year as text) as fiscal_year_name,
        cast(floor((fiscal.fiscal_month_number + 2) / 3.0) as integer) as fiscal_quarter_number,
        fiscal.fiscal_month_number,

        -- week, from Monday
        fiscal.week_on,
        cast(extract(week from fiscal.date_on) as integer) as week_number,

        -- flags
        coalesce(record_months.is_complete, false) as is_complete_month,
        coalesce(fiscal.year_number = latest.year_number, false) as is_latest_year
    from fiscal
    cross join latest
    inner join months
        on fiscal.month_number = months.month_number
    left join record_months
        on fiscal.month_on = record_months.month_on

)

select * from final
