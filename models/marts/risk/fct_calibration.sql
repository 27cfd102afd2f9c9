-- One row per year scored and tenth of the mains, from the least to the most breaks expected of a
-- main: observed against expected. A model that is right overall can still be wrong for the mains
-- that a plan chooses.
with judged as (

    select * from {{ ref('int_scores__judged_pipes') }}

),

ordered as (

    select
        judged.*,
        ntile(10) over (
            partition by as_of_date
            order by {{ rounded('expected_breaks', 9) }}, {{ byte_order('pipe_id') }}
        ) as tenth
    from judged

),

counted as (

    select
        run_id,
        as_of_date,
        tenth,
        count(*) as pipe_count,
        sum(break_count) as observed_breaks,
        sum(expected_breaks) as expected_breaks
    from ordered
    group by 1, 2, 3

),

final as (

    select
        -- keys
        run_id,
        as_of_date as period_on,
        cast(tenth as integer) as tenth,

        -- facts
        cast(pipe_count as integer) as pipe_count,
        cast(observed_breaks as integer) as observed_breaks,
        expected_breaks,
        cast({{ poisson_lower('observed_breaks') }} as double precision) as observed_lower_95,
        cast({{ poisson_upper('observed_breaks') }} as double precision) as observed_upper_95
    from counted

)

select * from final
