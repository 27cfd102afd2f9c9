{#-
    A whole number that stands for all values of a row, named by its table's alias: rows that differ have different ones,
    but for a chance of one in ten billion. Engines give different numbers: compare those of one engine.
-#}
{% macro row_digest(alias) -%}
    {{ return(adapter.dispatch('row_digest', 'la_pipeline_failure_predict')(alias)) }}
{%- endmacro %}

{% macro default__row_digest(alias) -%}
    hashtextextended(cast({{ alias }} as text), 0)
{%- endmacro %}

{% macro duckdb__row_digest(alias) -%}
    hash({{ alias }})
{%- endmacro %}
