{% test meets_contract(model, rules) %}
{{ config(store_failures=true) }}
with

measured as (

    select
        count(*) as row_count
        {%- for rule in rules %},
        cast({{ rule.figure | replace('{table}', model | string) }} as double precision)
            as figure_{{ loop.index }}
        {%- endfor %}
    from {{ model }}

),

figures as (

    {% for rule in rules -%}
    select
        '{{ rule.name }}' as rule,
        row_count,
        figure_{{ loop.index }} as figure
    from measured
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

broken as (

    select
        rule,
        row_count,
        figure
    from figures
    where
        {%- for rule in rules %}
        {{ 'or ' if not loop.first }}(rule = '{{ rule.name }}' and {{ rule.broken_if }})
        {%- endfor %}

)

select * from broken
{% endtest %}
