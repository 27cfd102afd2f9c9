{#-
    A view on DuckDB, as dbt's, but that it names no catalog: DuckDB calls a catalog like its file, and views that name it
    cannot be read once the file is renamed or copied.
-#}
{% macro duckdb__create_view_as(relation, sql) -%}
    {{ return(dbt.duckdb__create_view_as(relation, sql | replace(adapter.quote(target.database) ~ '.', ''))) }}
{%- endmacro %}
