-- One row per main of the published ranking: the cohort of neighbors it could be renewed with, what
-- that would cost, and what it would avoid.
with risk as (

    select * from {{ ref('fct_pipe_risk') }}

),

pipes as (

    select * from {{ ref('dim_pipes') }}

),

unit_costs as (

    select
        sum(case when cost_item = 'renewal' then amount end) / 1609.344 as renewal_usd_per_m,
        sum(case when cost_item = 'new_main_breaks' then amount end) / 160.9344
            as new_main_breaks_per_km
    from {{ ref('unit_costs') }}

),

renewal_factors as (

    select * from {{ ref('renewal_factors') }}

),

described as (

    select
        risk.*,
        pipes.material_group,
        pipes.install_era,
        pipes.x_m,
        pipes.y_m,
        case
            when risk.street_name is not null then 'street'
            when pipes.installation_id is not null then 'installation'
            when pipes.has_location then 'grid_cell'
            else 'alone'
        end as bundling_rule,
        case
            when risk.street_name is not null then risk.street_name
            when pipes.installation_id is not null then pipes.installation_id
            when pipes.has_location
                then
                    cast(cast(floor(pipes.x_m / 200) as integer) as text)
                    || ' '
                    || cast(cast(floor(pipes.y_m / 200) as integer) as text)
            else risk.pipe_id
        end as bundle_name,
        cast(risk.length_m as numeric(18, 3)) as exact_length_m,
        risk.expected_breaks * 12 / risk.horizon_months as yearly_breaks
    from risk
    inner join pipes
        on risk.pipe_id = pipes.pipe_id

),

final as (

    select
        -- keys
        described.run_id,
        described.pipe_id,
        described.as_of_date,
        described.area_id,

        -- neighbors
        described.bundling_rule,
        described.bundle_name,
        described.street_name,
        described.material_group,
        described.install_era,
        described.x_m,
        described.y_m,

        -- what it is
        described.material_name,
        described.install_year,
        described.diameter_mm,
        described.length_m,
        described.exact_length_m,
        described.breaks_ever,
        described.breaks_prior_60m,
        described.risk_rank,

        -- what renewal costs and avoids
        described.yearly_breaks,
        described.consequence_usd,
        described.length_m * unit_costs.renewal_usd_per_m * coalesce(renewal_factors.factor, 1)
            as renewal_usd,
        -- A new main also breaks, but is assumed to break no more than the one it replaces.
        greatest(
            described.yearly_breaks
            - described.length_m / 1000 * unit_costs.new_main_breaks_per_km, 0
        ) as breaks_avoided_1y
    from described
    cross join unit_costs
    left join renewal_factors
        on described.diameter_class = renewal_factors.diameter_class

)

select * from final
