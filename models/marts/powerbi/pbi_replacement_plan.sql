-- One row per street project in the order of the plan, for Power BI.
with plan as (

    select * from {{ ref('fct_replacement_plan') }}

),

areas as (

    select * from {{ ref('pbi_areas') }}

),

install_eras as (

    select * from {{ ref('install_eras') }}

),

final as (

    select
        -- keys
        plan.run_id,
        plan.project_id,
        plan.as_of_date,
        coalesce(plan.area_id, 'unknown') as area_id,
        areas.area_name,

        -- rank
        plan.plan_rank,
        plan.breaks_rank,
        plan.oldest_rank,
        plan.most_breaks_rank,

        -- what the project is
        {{ code_name('bundling_rule', 'plan.bundling_rule') }} as bundling_rule_name,
        plan.street_name,
        {{ code_name('material_group', 'plan.material_group') }} as material_group_name,
        {{ code_sort('material_group', 'plan.material_group') }} as material_group_sort,
        coalesce(install_eras.install_era_name, 'Unknown') as install_era_name,
        coalesce(install_eras.first_year, 9999) as install_era_sort,
        plan.pipe_count,
        plan.length_m,
        {{ meters_to_miles('plan.length_m') }} as length_miles,
        plan.first_install_year,
        plan.last_install_year,
        plan.breaks_ever,
        plan.breaks_prior_60m,
        plan.best_risk_rank,

        -- what it costs
        plan.cost_usd,
        plan.emergency_cost_usd,

        -- what it avoids
        plan.breaks_avoided_1y,
        plan.breaks_avoided_5y,
        plan.breaks_avoided_10y,
        plan.avoided_usd_10y,
        plan.avoided_per_usd,

        -- so far, in rank order
        plan.cumulative_cost_usd,
        plan.cumulative_length_m,
        plan.cumulative_length_share,
        plan.cumulative_breaks_avoided_1y,
        plan.cumulative_breaks_avoided_5y,
        plan.cumulative_breaks_avoided_10y,
        plan.cumulative_avoided_usd_10y,

        -- flags
        plan.is_within_budget
    from plan
    left join areas
        on coalesce(plan.area_id, 'unknown') = areas.area_id
    left join install_eras
        on plan.install_era = install_eras.install_era

)

select * from final
