{#- A double rounded half away from zero; through numeric, because engines round doubles differently. -#}
{% macro rounded(expression, digits) -%}
    {{ return(adapter.dispatch('rounded', 'la_pipeline_failure_predict')(expression, digits)) }}
{%- endmacro %}

{% macro default__rounded(expression, digits) -%}
    cast(round(cast({{ expression }} as numeric(28, 12)), {{ digits }}) as double precision)
{%- endmacro %}

{#- The same rows, but DuckDB rounds a numeric of up to 18 digits, which has 64 bits, in a tenth of the time. -#}
{% macro duckdb__rounded(expression, digits) -%}
    coalesce(
        cast(round(try_cast({{ expression }} as numeric(18, 12)), {{ digits }}) as double precision),
        {{ default__rounded(expression, digits) }}
    )
{%- endmacro %}
