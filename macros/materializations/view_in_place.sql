{#-
    dbt makes a new view, renames it and drops the old one, and Postgres drops the views over it
    too: from the moment a view is rebuilt until those over it are, a reader finds none, and
    permanently if they are not selected. Therefore, on Postgres a view that keeps its columns is
    replaced in place. Where it changes them, what reads it is kept.
-#}
{% materialization view, adapter='postgres' %}
    {%- do bound_waits() -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is none -%}
        {{ return(dbt.materialization_view_default()) }}
    {%- endif -%}

    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('main') -%}
        {% if config.get('contract').enforced %}{{ get_assert_columns_equivalent(sql) }}{% endif %}
        {{ patiently(existing, replaced_view(existing, target_relation, sql)) }}
    {%- endcall %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=false) %}
    {% do persist_docs(target_relation, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#- Statements of PL/pgSQL that put a view in the place of a view, or of a table. -#}
{% macro replaced_view(existing, target, sql) -%}
    {%- set made = 'create view ' ~ target ~ ' as (\n' ~ sql ~ '\n);' -%}
    {%- set made_anew = keeping_views(existing, target, 'drop ' ~ existing.type ~ ' ' ~ existing ~ ' cascade;\n' ~ made) -%}
    {%- if not existing.is_view -%} {{ return(made_anew) }} {%- endif -%}
    begin
        {{ made | replace('create view', 'create or replace view', 1) }}
    exception when invalid_table_definition then
        {{ made_anew }}
    end;
{%- endmacro %}
