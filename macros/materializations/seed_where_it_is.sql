{#-
    The rows of a seed on DuckDB, which reads the file itself. dbt's own takes the folder from the last time the project was
    parsed, where a project that was moved since is not, and breaks on an apostrophe in it.
-#}
{% macro duckdb__load_csv_rows(model, agate_table) %}
    {%- set sql -%}
        copy {{ this.render() }} from {{ text_literal(agate_table.original_abspath) }} (format csv, header true)
    {%- endset -%}
    {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
    {{ return(sql) }}
{% endmacro %}
