-- One row per main of the published ranking with the project it would be renewed in.
with pipes as (

    select * from {{ ref('int_plan__pipes') }}

),

projects as (

    select * from {{ ref('int_plan__projects') }}

),

final as (

    select
        -- keys
        pipes.run_id,
        projects.project_id,
        pipes.pipe_id,
        pipes.as_of_date,
        pipes.area_id,

        -- where and what it is
        pipes.bundling_rule,
        projects.position_in_project,
        pipes.street_name,
        pipes.material_group,
        pipes.install_era,
        pipes.material_name,
        pipes.install_year,
        pipes.diameter_mm,
        pipes.length_m,
        pipes.breaks_ever,
        pipes.breaks_prior_60m,
        pipes.risk_rank,

        -- what renewal costs and avoids
        {{ rounded('pipes.renewal_usd', 2) }} as renewal_usd,
        pipes.consequence_usd,
        pipes.breaks_avoided_1y,
        pipes.breaks_avoided_1y * {{ years_carried(10) }} * pipes.consequence_usd
            as avoided_usd_10y
    from pipes
    inner join projects
        on pipes.pipe_id = projects.pipe_id

)

select * from final
