{#- Years from one date to another, of 365.25 days. -#}
{% macro years_between(earlier, later) -%}
    (cast({{ days_between(earlier, later) }} as double precision) / 365.25)
{%- endmacro %}
