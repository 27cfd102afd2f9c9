-- One row a main with its project, for Power BI.
select
    run_id,
    project_id,
    pipe_id,
    as_of_date,
    area_id,
    bundling_rule,
    position_in_project,
    street_name,
    material_group,
    install_era,
    material_name,
    install_year,
    diameter_mm,
    length_m,
    breaks_ever,
    breaks_prior_60m,
    risk_rank,
    renewal_usd,
    consequence_usd,
    breaks_avoided_1y,
    avoided_usd_10y
from {{ ref('fct_replacement_plan_pipes') }}
