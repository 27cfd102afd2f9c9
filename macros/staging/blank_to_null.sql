{#-
    Trimmed text, null when it is empty or the marker '#NULL#'. Only spaces are trimmed, said
    outright: a bare trim() takes off no-break spaces on DuckDB and not on Postgres.
-#}
{% macro blank_to_null(expression) -%}
    nullif(nullif(trim(both ' ' from {{ expression }}), ''), '#NULL#')
{%- endmacro %}
