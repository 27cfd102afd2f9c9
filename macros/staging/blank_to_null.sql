{#-
    Trimmed text, null when it is empty or the marker '#NULL#'. Only spaces are trimmed, explicitly:
    a bare trim() removes no-break spaces on DuckDB but not on Postgres.
-#}
{% macro blank_to_null(expression) -%}
    nullif(nullif(trim(both ' ' from {{ expression }}), ''), '#NULL#')
{%- endmacro %}
