-- One row per rule and budget: what the same money buys and avoids, taking projects in
-- the rule's order until the next one does not fit.
with projects as (

    select * from {{ ref('fct_replacement_plan') }}

),

budgets as (

    {%- for budget in var('plan_scenario_budgets_usd') %}
        select cast({{ budget }} as bigint) as budget_usd
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}

),

ordered as (

    {%- for rule, rank in [
        ('avoided_per_usd', 'plan_rank'),
        ('breaks_per_usd', 'breaks_rank'),
        ('most_breaks', 'most_breaks_rank'),
        ('oldest', 'oldest_rank'),
    ] %}
        select
            projects.*,
            '{{ rule }}' as rule_code,
            sum(cast(cost_usd as numeric(18, 2))) over (
                order by {{ rank }}
                rows between unbounded preceding and current row
            ) as spent_usd,
            sum(cast(length_m as numeric(18, 3))) over () as network_length_m
        from projects
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}

),

final as (

    select
        -- keys
        ordered.run_id,
        ordered.as_of_date,
        ordered.rule_code,
        budgets.budget_usd,

        -- what it buys
        cast(count(*) as integer) as project_count,
        cast(sum(ordered.pipe_count) as integer) as pipe_count,
        cast(sum(cast(ordered.length_m as numeric(18, 3))) as double precision) as length_m,
        cast(
            sum(cast(ordered.length_m as numeric(18, 3))) / max(ordered.network_length_m)
            as double precision
        ) as length_share,
        cast(sum(cast(ordered.cost_usd as numeric(18, 2))) as double precision) as cost_usd,

        -- what it avoids
        sum(ordered.breaks_avoided_1y) as breaks_avoided_1y,
        sum(ordered.breaks_avoided_5y) as breaks_avoided_5y,
        sum(ordered.breaks_avoided_10y) as breaks_avoided_10y,
        sum(ordered.avoided_usd_10y) as avoided_usd_10y,
        sum(ordered.avoided_usd_10y)
        / cast(sum(cast(ordered.cost_usd as numeric(18, 2))) as double precision)
            as avoided_per_usd
    from ordered
    inner join budgets
        on ordered.spent_usd <= budgets.budget_usd
    group by ordered.run_id, ordered.as_of_date, ordered.rule_code, budgets.budget_usd

)

select * from final
