-- One row a day, from the first year of the record to the end of the year after it.
with period as (

    select * from {{ ref('int_dates__record_period') }}

),

numbers as (

    {{ dbt.generate_series(40000) }}

),

counted as (

    select cast(generated_number - 1 as integer) as days_later
    from numbers

),

bounds as (

    select
        cast(date_trunc('year', observed_from) as date) as first_on,
        {{ add_months("cast(date_trunc('year', observed_until) as date)", 24) }} as last_on
    from period

),

days as (

    select cast(bounds.first_on + counted.days_later as date) as date_on
    from bounds
    cross join counted
    where bounds.first_on + counted.days_later < bounds.last_on

),

months as (

    select * from {{ ref('month_names') }}

),

final as (

    select
        -- keys
        days.date_on,
        {{ month_start('days.date_on') }} as month_on,

        -- facts
        cast(extract(year from days.date_on) as integer) as year_number,
        cast(extract(quarter from days.date_on) as integer) as quarter_number,
        cast(extract(month from days.date_on) as integer) as month_number,
        cast(extract(day from days.date_on) as integer) as day_number,
        months.month_name
    from days
    inner join months
        on extract(month from days.date_on) = months.month_number

)

select * from final
