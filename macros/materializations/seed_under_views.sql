{#- A seed on Postgres: as dbt's, but that it names who stands in the way, and keeps what reads it. -#}
{% materialization seed, adapter='postgres' %}
    {%- do bound_waits() -%}
    {{ return(dbt.materialization_seed_default()) }}
{% endmaterialization %}


{% macro postgres__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {%- set emptied = 'truncate table ' ~ old_relation ~ ';' -%}
    {%- set changes = emptied if not full_refresh else keeping_views(
        old_relation, old_relation, 'drop table ' ~ old_relation ~ ' cascade; ' ~ seed_ddl(model, agate_table) ~ ';'
    ) -%}
    {% call statement('reset') -%}
        {{ patiently(old_relation, changes) }}
    {%- endcall %}
    {{ return(emptied) }}
{% endmacro %}


{#- The statement that creates a seed's table, as dbt's create_csv_table runs it. -#}
{% macro seed_ddl(model, agate_table) %}
    {%- set types = model['config'].get('column_types', {}) -%}
    create table {{ this.render() }} (
        {%- for name in agate_table.column_names %}
        {{ adapter.quote_seed_column(name | string, model['config'].get('quote_columns')) }}
        {{ types.get(name, adapter.convert_type(agate_table, loop.index0)) }}{{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
