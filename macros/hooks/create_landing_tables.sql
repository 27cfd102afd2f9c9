{#-
    The statements that create the landing, model and score tables that are missing, from the columns their source YAML
    declares, so that `dbt build` passes on an empty warehouse. The source YAML is generated from schemas/*.yaml.

    A schema that is there is not created again: even `if not exists` needs the right to create one.
-#}
{% macro create_landing_tables() %}
    {%- if execute -%}
        {%- set tables = graph.sources.values() | list -%}
        {%- for schema_name in tables | map(attribute='schema') | unique
            if not adapter.check_schema_exists(target.database, schema_name) %}
            create schema if not exists {{ adapter.quote(schema_name) }};
        {%- endfor %}
        {%- for table in tables %}
            {{ create_landing_table(table) }};
        {%- endfor %}
    {%- endif -%}
{% endmacro %}


{% macro create_landing_table(table) %}
    create table if not exists {{ adapter.quote(table.schema) }}.{{ adapter.quote(table.identifier) }} (
        {%- for column in table.columns.values() %}
        {{ adapter.quote(column.name) }} {{ column.data_type }}
        {%- if column.config.meta.get('required') %} not null{% endif %}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    )
{%- endmacro %}
