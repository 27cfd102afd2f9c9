{#- Collects statistics of a new table where the engine does not do so itself; without them joins are planned badly. -#}
{% macro analyze_table(relation) -%}
    {{ return(adapter.dispatch('analyze_table', 'la_pipeline_failure_predict')(relation)) }}
{%- endmacro %}

{% macro default__analyze_table(relation) -%}
    analyze {{ relation }}
{%- endmacro %}

{% macro duckdb__analyze_table(relation) -%}
{%- endmacro %}
