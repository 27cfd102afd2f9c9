-- Compared with the exact interval from chi-square quantiles, Byar's approximation is within 0.03
-- of it.
with cases as (

    select
        0 as break_count,
        0 as exact_lower,
        3.6889 as exact_upper
    union all
    select
        1 as break_count,
        0.0253 as exact_lower,
        5.5716 as exact_upper
    union all
    select
        10 as break_count,
        4.7954 as exact_lower,
        18.3904 as exact_upper
    union all
    select
        1000 as break_count,
        938.973 as exact_lower,
        1063.9526 as exact_upper

),

computed as (

    select
        break_count,
        exact_lower,
        exact_upper,
        {{ poisson_lower('break_count') }} as computed_lower,
        {{ poisson_upper('break_count') }} as computed_upper
    from cases

)

select * from computed
where
    coalesce(abs(computed_lower - exact_lower), 1) > 0.03
    or coalesce(abs(computed_upper - exact_upper), 1) > 0.03
