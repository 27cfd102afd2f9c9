-- One row per main: what a break of it costs. Factors of a kind that does not apply count as 1.
{%- set kinds = {
    'diameter_class': 'pipes.diameter_class',
    'road_class': 'pipes.road_class',
    'critical_customers': "case when pipes.critical_customer_count > 0 then 'some' else 'none' end",
    'area': 'pipes.area_id',
} %}

with pipes as (

    select * from {{ ref('dim_pipes') }}

),

factors as (

    select * from {{ ref('consequence_factors') }}

),

break_costs as (

    select sum(amount) as break_cost_usd
    from {{ ref('unit_costs') }}
    where cost_item in ('break_direct', 'break_indirect')

),

weighed as (

    select
        pipes.pipe_id,
        break_costs.break_cost_usd,
        {% for kind in kinds -%}
            coalesce({{ kind }}_factors.factor, 1){{ ' * ' if not loop.last }}
        {%- endfor %} as consequence_factor
    from pipes
    cross join break_costs
    {%- for kind, code in kinds.items() %}
        left join factors as {{ kind }}_factors
            on
                {{ kind }}_factors.factor_kind = '{{ kind }}'
                and {{ kind }}_factors.code = {{ code }}
    {%- endfor %}

),

final as (

    select
        -- keys
        pipe_id,

        -- facts
        cast(consequence_factor as double precision) as consequence_factor,
        cast(break_cost_usd * consequence_factor as double precision) as consequence_usd
    from weighed

)

select * from final
