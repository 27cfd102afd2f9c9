{#- A double rounded half away from zero; through numeric, because engines round doubles differently. -#}
{% macro rounded(expression, digits) -%}
    cast(round(cast({{ expression }} as numeric(28, 12)), {{ digits }}) as double precision)
{%- endmacro %}
