{#- Days from one date to another. Both engines give an integer for date minus date. -#}
{% macro days_between(earlier, later) -%}
    cast({{ later }} - {{ earlier }} as integer)
{%- endmacro %}
