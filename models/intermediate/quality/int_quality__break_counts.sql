-- One row per whole month of the record's last year, and one for that year: breaks, and how many
-- the five years before suggest.
{% set z = 3 %}

with breaks as (

    select * from {{ ref('fct_breaks') }}
    where is_in_record

),

months as (

    select * from {{ ref('int_dates__months') }}
    where is_complete

),

monthly as (

    select
        months.month_on,
        extract(month from months.month_on) as month_number,
        cast(count(breaks.break_key) as double precision) as break_count,
        row_number() over (order by months.month_on desc) as recency
    from months
    left join breaks
        on months.month_on = breaks.month_on
    group by 1, 2

),

last_year as (

    select * from monthly
    where recency <= 12

),

same_months as (

    select
        last_year.month_on,
        last_year.break_count,
        cast(count(*) as double precision) as year_count,
        avg(earlier.break_count) as mean_count,
        sum(earlier.break_count * earlier.break_count) as square_sum
    from last_year
    inner join monthly as earlier
        on
            last_year.month_number = earlier.month_number
            and last_year.month_on > earlier.month_on
            and earlier.month_on >= {{ add_months('last_year.month_on', -60) }}
    group by 1, 2

),

-- Cold winters make counts vary more than Poisson's: Pearson's dispersion over all months.
dispersion as (

    select
        greatest(
            1.0,
            sum((square_sum - year_count * mean_count * mean_count) / mean_count)
            / sum(year_count - 1)
        ) as dispersion
    from same_months
    where year_count >= 3 and mean_count > 0

),

-- The square root of a count has the same variance whatever its size (Anscombe 1948): 1/4 for
-- Poisson, times the dispersion and 1 + 1/n for the mean of n years.
banded as (

    select
        same_months.month_on,
        same_months.break_count,
        sqrt(same_months.mean_count + 0.375) as root,
        {{ z }} / 2.0 * sqrt(dispersion.dispersion * (1 + 1 / same_months.year_count)) as half_width
    from same_months
    cross join dispersion
    where same_months.year_count >= 3

),

years as (

    select
        cast(floor((recency - 1) / 12.0) as integer) as years_back,
        sum(break_count) as break_count,
        max(month_on) as last_month_on
    from monthly
    where recency <= 72
    group by 1
    having count(*) = 12

),

yearly as (

    select
        sum(case when years_back = 0 then break_count end) as break_count,
        avg(case when years_back > 0 then break_count end) as mean_count,
        count(case when years_back > 0 then 1 end) as year_count
    from years

),

final as (

    select
        'monthly_breaks' as figure,
        substr(cast(month_on as text), 1, 7) as segment,
        break_count as figure_value,
        {{ rounded(
            'greatest(0, greatest(0, root - half_width) * greatest(0, root - half_width) - 0.375)', 2
        ) }} as lower_bound,
        {{ rounded('(root + half_width) * (root + half_width) - 0.375', 2) }} as upper_bound
    from banded

    union all

    -- A few breaks per year are too few for a bound.
    select
        'yearly_break_ratio' as figure,
        'all' as segment,
        {{ rounded('break_count / mean_count', 6) }} as figure_value,
        cast(null as double precision) as lower_bound,
        cast(null as double precision) as upper_bound
    from yearly
    where year_count >= 1 and mean_count >= 20

)

select * from final
