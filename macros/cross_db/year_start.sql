{#- 1 January of a year given as an integer. -#}
{% macro year_start(year_expression) -%}
    cast(cast({{ year_expression }} as text) || '-01-01' as date)
{%- endmacro %}
