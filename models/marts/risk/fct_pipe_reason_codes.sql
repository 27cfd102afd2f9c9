-- One row per scored main and reason, up to three that raise its rate most compared with the
-- typical main. The first question that a planner is asked is why this main.
with contributions as (

    select * from {{ ref('int_scores__pipe_contributions') }}

),

pipes as (

    select * from {{ ref('dim_pipes') }}
    where is_in_service

),

features as (

    select * from {{ ref('fct_pipe_features') }}

),

attributes as (

    select * from {{ ref('int_scores__pipe_attributes') }}

),

dated as (

    select
        contributions.*,
        max(as_of_date) over () as newest_as_of_date
    from contributions

),

newest as (

    select
        dated.*,
        pipes.length_m
    from dated
    inner join pipes
        on dated.pipe_id = pipes.pipe_id
    where dated.as_of_date = dated.newest_as_of_date

),

-- The log rate of the typical main is the mean weighted by length, so that the factors of a main
-- multiply to its rate divided by the geometric mean rate of the network.
typical as (

    select
        {%- for reason in pipe_reasons() %}
            sum(log_{{ reason }} * length_m) / sum(length_m) as log_{{ reason }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from newest

),

typical_attributes as (

    select
        attributes.*,
        sum(attributes.log_factor * newest.length_m) over by_attribute
        / sum(newest.length_m) over by_attribute as typical_log_factor
    from attributes
    inner join newest
        on
            attributes.run_id = newest.run_id
            and attributes.pipe_id = newest.pipe_id
            and attributes.as_of_date = newest.as_of_date
    window by_attribute as (partition by attributes.reason_code)

),

compared as (

    {%- for reason in pipe_reasons() %}
        select
            newest.run_id,
            newest.pipe_id,
            newest.as_of_date,
            '{{ reason }}' as reason_code,
            newest.log_{{ reason }} - typical.log_{{ reason }} as log_factor
        from newest
        cross join typical
        union all
    {%- endfor %}
    select
        run_id,
        pipe_id,
        as_of_date,
        reason_code,
        log_factor - typical_log_factor as log_factor
    from typical_attributes

),

-- Engines add in different orders; values that differ only by that get the same rank. Rounding is
-- expensive and most factors are far below the least.
comparable as (

    select
        compared.*,
        {{ rounded('log_factor', 9) }} as rounded_log_factor
    from compared
    where log_factor > ln(cast({{ var('least_reason_factor') }} as double precision)) - 0.000001

),

ranked as (

    select
        comparable.*,
        cast(
            row_number() over (
                partition by pipe_id
                order by rounded_log_factor desc, {{ byte_order('reason_code') }} asc
            ) as integer
        ) as reason_rank
    from comparable

),

final as (

    select
        -- keys
        ranked.run_id,
        ranked.pipe_id,
        ranked.as_of_date,
        ranked.reason_rank,

        -- reason
        ranked.reason_code,
        coalesce(
            {{ reason_text('ranked.reason_code', 'pipes', 'features') }},
            {{ attribute_text('attributes') }}
        ) as reason,
        exp(ranked.log_factor) as rate_factor
    from ranked
    inner join pipes
        on ranked.pipe_id = pipes.pipe_id
    inner join features
        on
            ranked.pipe_id = features.pipe_id
            and ranked.as_of_date = features.as_of_date
    left join attributes
        on
            ranked.run_id = attributes.run_id
            and ranked.pipe_id = attributes.pipe_id
            and ranked.as_of_date = attributes.as_of_date
            and ranked.reason_code = attributes.reason_code
    -- After the ranks, which it leaves as they are: before them, DuckDB would round twice.
    where
        ranked.reason_rank <= 3
        and ranked.rounded_log_factor
        >= ln(cast({{ var('least_reason_factor') }} as double precision))

)

select * from final
