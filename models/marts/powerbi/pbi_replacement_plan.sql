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

described as (

    select
        plan.*,
        coalesce(plan.area_id, 'unknown') as known_area_id,
        areas.area_name,
        {{ code_name('bundling_rule', 'plan.bundling_rule') }} as bundling_rule_name,
        {{ code_name('material_group', 'plan.material_group') }} as material_group_name,
        {{ code_sort('material_group', 'plan.material_group') }} as material_group_sort,
        coalesce(install_eras.install_era_name, 'Unknown') as install_era_name,
        coalesce(install_eras.first_year, 9999) as install_era_sort,
        {{ meters_to_miles('plan.length_m') }} as length_miles
    from plan
    left join areas
        on coalesce(plan.area_id, 'unknown') = areas.area_id
    left join install_eras
        on plan.install_era = install_eras.install_era

)

{{ select_declared('described', {'area_id': 'known_area_id'}) }}
