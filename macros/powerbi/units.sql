{#- Metric lengths and depths in the units that planners in Los Angeles use; exact by definition. -#}
{% macro metres_in_miles(metres) -%}
    {{ rounded(metres ~ ' / 1609.344', 9) }}
{%- endmacro %}

{% macro millimetres_in_inches(millimetres) -%}
    {{ rounded(millimetres ~ ' / 25.4', 6) }}
{%- endmacro %}
