{#- Text compared byte by byte, so that every engine and locale sorts in the same way. -#}
{% macro byte_order(expression) -%}
    {{ return(adapter.dispatch('byte_order', 'la_pipeline_failure_predict')(expression)) }}
{%- endmacro %}

{% macro default__byte_order(expression) -%}
    {{ expression }} collate "C"
{%- endmacro %}

{% macro duckdb__byte_order(expression) -%}
    {{ expression }}
{%- endmacro %}
