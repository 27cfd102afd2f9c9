{#- Metric lengths and depths in the units that planners in Los Angeles use; exact by definition. -#}
{% macro meters_to_miles(meters) -%}
    {{ rounded(meters ~ ' / 1609.344', 9) }}
{%- endmacro %}

{% macro millimeters_to_inches(millimeters) -%}
    {{ rounded(millimeters ~ ' / 25.4', 6) }}
{%- endmacro %}
