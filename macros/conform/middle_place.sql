{#- Columns of the place that is the median of all rows, to a tenth of a degree, so that no single row moves it far. -#}
{% macro middle_place() -%}
    {%- for name in ('longitude', 'latitude') %}
        {{ rounded('percentile_cont(0.5) within group (order by ' ~ name ~ ')', 1) }} as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
