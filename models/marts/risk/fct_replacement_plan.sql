-- One row per street project, ranked by the cost of breaks avoided per dollar of renewal, over the
-- whole network: a budget is a line across it.
with pipes as (

    select * from {{ ref('fct_replacement_plan_pipes') }}

),

unit_costs as (

    select
        sum(case when cost_item = 'project_setup' then amount end) as project_setup_usd,
        sum(case when cost_item = 'emergency_factor' then amount end) as emergency_factor
    from {{ ref('unit_costs') }}

),

measured as (

    select
        pipes.*,
        cast(length_m as numeric(18, 3)) as exact_length_m
    from pipes

),

projects as (

    select
        run_id,
        project_id,
        as_of_date,
        area_id,
        bundling_rule,
        street_name,
        -- Those of its first main: a stub of another cohort may go with it.
        min(case when pipe_id = project_id then material_group end) as material_group,
        min(case when pipe_id = project_id then install_era end) as install_era,
        count(*) as pipe_count,
        sum(exact_length_m) as length_m,
        min(install_year) as first_install_year,
        max(install_year) as last_install_year,
        sum(install_year * exact_length_m)
        / sum(case when install_year is not null then exact_length_m end) as mean_install_year,
        sum(breaks_ever) as breaks_ever,
        sum(breaks_prior_60m) as breaks_prior_60m,
        min(risk_rank) as best_risk_rank,
        sum(cast(renewal_usd as numeric(18, 2))) as renewal_usd,
        sum(breaks_avoided_1y) as breaks_avoided_1y,
        sum(avoided_usd_10y) as avoided_usd_10y
    from measured
    group by 1, 2, 3, 4, 5, 6

),

costed as (

    select
        projects.*,
        projects.renewal_usd + cast(unit_costs.project_setup_usd as numeric(18, 2)) as cost_usd,
        unit_costs.emergency_factor
    from projects
    cross join unit_costs

),

compared as (

    select
        costed.*,
        {{ rounded('avoided_usd_10y / cost_usd', 9) }} as avoided_per_usd,
        {{ rounded('breaks_avoided_1y / cost_usd * 1000000', 9) }} as breaks_per_million_usd,
        {{ rounded('mean_install_year', 6) }} as rounded_install_year
    from costed

),

ranked as (

    select
        compared.*,
        cast(
            row_number() over (
                order by avoided_per_usd desc, {{ byte_order('project_id') }} asc
            ) as integer
        ) as plan_rank,
        cast(
            row_number() over (
                order by breaks_per_million_usd desc, {{ byte_order('project_id') }}
            ) as integer
        ) as breaks_rank,
        cast(
            row_number() over (
                order by rounded_install_year nulls last, {{ byte_order('project_id') }}
            ) as integer
        ) as oldest_rank,
        cast(
            row_number() over (
                order by
                    breaks_ever desc,
                    rounded_install_year asc nulls last,
                    {{ byte_order('project_id') }} asc
            ) as integer
        ) as most_breaks_rank
    from compared

),

cumulated as (

    select
        ranked.*,
        sum(cost_usd) over so_far as cumulative_cost_usd,
        sum(length_m) over so_far as cumulative_length_m,
        sum(length_m) over () as network_length_m,
        sum(breaks_avoided_1y) over so_far as cumulative_breaks_avoided_1y,
        sum(avoided_usd_10y) over so_far as cumulative_avoided_usd_10y
    from ranked
    window
        so_far as (
            order by plan_rank
            rows between unbounded preceding and current row
        )

),

final as (

    select
        -- keys
        run_id,
        project_id,
        as_of_date,
        area_id,

        -- rank
        plan_rank,
        breaks_rank,
        oldest_rank,
        most_breaks_rank,

        -- what the project is
        bundling_rule,
        street_name,
        material_group,
        install_era,
        cast(pipe_count as integer) as pipe_count,
        cast(length_m as double precision) as length_m,
        first_install_year,
        last_install_year,
        cast(breaks_ever as integer) as breaks_ever,
        cast(breaks_prior_60m as integer) as breaks_prior_60m,
        best_risk_rank,

        -- what it costs
        cast(cost_usd as double precision) as cost_usd,
        cast(cost_usd as double precision) * emergency_factor as emergency_cost_usd,

        -- what it avoids
        breaks_avoided_1y,
        breaks_avoided_1y * {{ years_carried(5) }} as breaks_avoided_5y,
        breaks_avoided_1y * {{ years_carried(10) }} as breaks_avoided_10y,
        avoided_usd_10y,
        avoided_per_usd,

        -- so far, in rank order
        cast(cumulative_cost_usd as double precision) as cumulative_cost_usd,
        cast(cumulative_length_m as double precision) as cumulative_length_m,
        cast(cumulative_length_m / network_length_m as double precision)
            as cumulative_length_share,
        cumulative_breaks_avoided_1y,
        cumulative_breaks_avoided_1y * {{ years_carried(5) }} as cumulative_breaks_avoided_5y,
        cumulative_breaks_avoided_1y * {{ years_carried(10) }} as cumulative_breaks_avoided_10y,
        cumulative_avoided_usd_10y,

        -- flags
        cumulative_cost_usd <= {{ var('plan_budget_usd') }} as is_within_budget
    from cumulated

)

select * from final
