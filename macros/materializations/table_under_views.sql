{#-
    Postgres drops the views over a table together with the table, and dbt replaces a table by a new
    one: from the moment a mart is rebuilt until its views are, Power BI would find no view, and
    permanently if the build fails in between. Therefore, on Postgres a table that has views over
    it, and whose columns do not change, is emptied and filled again in one transaction. Any other
    table is replaced, and what reads it is kept.
-#}
{% materialization table, adapter='postgres' %}
    {%- do bound_waits() -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set changed = changed_parts(existing) -%}
    {%- if changed is not none and keeps_its_columns(existing) -%}
        {{ return(rebuild_parts(this.incorporate(type='table'), changed)) }}
    {%- endif -%}
    {%- do forget_parts() -%}
    {%- if existing is none -%}
        {%- set built = dbt.materialization_table_default() -%}
        {%- do note_parts() -%}
        {{ return(built) }}
    {%- endif -%}

    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set is_refilled = existing.is_table and not should_full_refresh() and has_views_over(existing)
        and keeps_its_columns(existing) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% if is_refilled %}
        {%- set columns = adapter.get_columns_in_relation(existing) | map(attribute='quoted') | join(', ') %}
        {% call statement('main') -%}
            {% if config.get('contract').enforced %}{{ get_assert_columns_equivalent(sql) }}{% endif %}
            {{ patiently(target_relation, 'lock table ' ~ target_relation ~ ' in access exclusive mode;') }};
            truncate table {{ target_relation }};
            insert into {{ target_relation }} ({{ columns }})
            select {{ columns }} from (
                {{ sql }}
            ) as new_rows
        {%- endcall %}
    {% else %}
        {%- set new_relation = make_intermediate_relation(target_relation) -%}
        {%- set changes = 'drop ' ~ existing.type ~ ' ' ~ existing ~ ' cascade; alter table ' ~ new_relation
            ~ ' rename to ' ~ adapter.quote(this.identifier) ~ ';' -%}
        {% call statement('main') -%}
            drop table if exists {{ new_relation }};
            {{ get_create_table_as_sql(False, new_relation, sql) }}
        {%- endcall %}
        {% call statement('replace') -%}
            {{ patiently(existing, keeping_views(existing, target_relation, changes)) }}
        {%- endcall %}
    {% endif %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=false) %}
    {% do persist_docs(target_relation, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {%- do note_parts() -%}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#- Whether a view reads the table (Postgres). -#}
{% macro has_views_over(relation) %}
    {%- set counted = run_query("select count(*) from (" ~ views_over(relation) ~ ") as views") -%}
    {{ return(counted.columns[0].values()[0] > 0) }}
{% endmacro %}


{#- Whether the table has the columns that the model is to have: names and types, in the same order (Postgres). -#}
{% macro keeps_its_columns(relation) %}
    {%- set differing = run_query(
        "select count(*) from (" ~ columns_to_have() ~ ") as wanted (place, name, type) "
        ~ "full join (select * from pg_attribute where attrelid = '" ~ relation ~ "'::regclass and attnum > 0) as found "
        ~ "on wanted.place = found.attnum and wanted.name = found.attname and wanted.type = found.atttypid "
        ~ "where wanted.place is null or found.attnum is null"
    ) -%}
    {%- do run_query("drop view if exists pg_temp." ~ this.identifier ~ "__shape") -%}
    {{ return(differing.columns[0].values()[0] == 0) }}
{% endmacro %}


{#-
    SQL of place, name and type of the columns that the model is to have (Postgres): those of its contract, else those of
    its query.
-#}
{% macro columns_to_have() %}
    {%- if config.get('contract').enforced -%}
        {%- set declared = [] -%}
        {%- for column in model.columns.values() -%}
            {%- do declared.append("(" ~ loop.index ~ ", '" ~ column.name ~ "', '" ~ column.data_type ~ "'::regtype)") -%}
        {%- endfor -%}
        {{ return("values " ~ declared | join(', ')) }}
    {%- endif -%}
    {%- set shape = this.identifier ~ '__shape' -%}
    {%- do run_query("create or replace temporary view " ~ shape ~ " as (" ~ sql ~ "\n)") -%}
    {{ return("select attnum, attname, atttypid from pg_attribute where attrelid = 'pg_temp." ~ shape ~ "'::regclass") }}
{% endmacro %}
