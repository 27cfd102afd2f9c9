{#- Statistics of a table just built, where the engine does not keep them by itself: without them joins are misjudged. -#}
{% macro analyze_table(relation) -%}
    {{ return(adapter.dispatch('analyze_table', 'la_pipeline_failure_predict')(relation)) }}
{%- endmacro %}

{% macro default__analyze_table(relation) -%}
    analyze {{ relation }}
{%- endmacro %}

{% macro duckdb__analyze_table(relation) -%}
{%- endmacro %}
