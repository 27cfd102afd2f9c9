{#-
    A table of yearly snapshots is rebuilt only where what it reads has changed: a month's new breaks change one snapshot
    of fifteen. The model stays as it is and says in `config.meta.parts`:

        of        model whose rows are the parts
        by        column that names the part
        digests   macro with one row per part: `by` and a digest of all rows that the part reads
        reads     models that the digests cover

    The digests of what is there, with the code that made it, are in a table beside it, named after it with `__parts`.
    Where they are missing, where the model reads what they do not cover, where every part has changed, or on
    --full-refresh, all of it is rebuilt.
-#}
{% materialization table, adapter='duckdb', supported_languages=['sql', 'python'] %}
    {%- set changed = changed_parts(load_cached_relation(this)) -%}
    {%- if changed is none -%}
        {%- do forget_parts() -%}
        {%- set built = dbt.materialization_table_duckdb() -%}
        {%- do note_parts() -%}
        {{ return(built) }}
    {%- endif -%}
    {{ return(rebuild_parts(this.incorporate(type='table'), changed)) }}
{% endmaterialization %}


{#- The parts to rebuild, a list; none where all of the table is to be. -#}
{% macro changed_parts(existing) %}
    {%- set parts = config.get('meta', {}).get('parts') -%}
    {%- if not parts or existing is none or not existing.is_table or should_full_refresh() -%}
        {{ return(none) }}
    {%- endif -%}
    {%- for node in model.depends_on.nodes if node.split('.')[-1] not in parts.reads -%}
        {{ return(none) }}
    {%- endfor -%}
    {%- set noted = adapter.get_relation(this.database, this.schema, this.identifier ~ '__parts') -%}
    {%- if noted is none -%} {{ return(none) }} {%- endif -%}
    {%- set compared = run_query(
        "select cast(found." ~ parts.by ~ " as text), noted.digest from (" ~ part_digests(parts) ~ ") as found left join "
        ~ noted ~ " as noted on found." ~ parts.by ~ " = noted." ~ parts.by ~ " and found.digest = noted.digest order by 1"
    ) -%}
    {%- set changed = [] -%}
    {%- for row in compared.rows if row[1] is none -%}
        {%- do changed.append(row[0]) -%}
    {%- endfor -%}
    {{ return(none if changed | length == compared.rows | length else changed) }}
{% endmacro %}


{#- The digests of the parts, with the model's own code. -#}
{% macro part_digests(parts) -%}
    select {{ parts.by }}, concat(digest, ' {{ local_md5(sql) }}') as digest
    from ({{ context[parts.digests]() }}) as digests
{%- endmacro %}


{#- Delete the parts that are gone or have changed and insert the changed ones, in one transaction. -#}
{% macro rebuild_parts(relation, changed) %}
    {%- set parts = config.get('meta').parts -%}
    {%- set days = "('" ~ (changed or ['1000-01-01']) | join("', '") ~ "')" -%}
    {%- set some = this.identifier ~ '__changed' -%}
    {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute='quoted') | join(', ') %}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') -%}
        create temporary table {{ some }} as
        select * from {{ ref(parts.of) }} where {{ parts.by }} in {{ days }};
        delete from {{ relation }}
        where {{ parts.by }} in {{ days }} or {{ parts.by }} not in (select {{ parts.by }} from {{ ref(parts.of) }});
        {%- if changed %}
        insert into {{ relation }} ({{ columns }})
        select {{ columns }} from (
            {{ sql | replace(ref(parts.of) | string, some) }}
        ) as new_rows;
        {%- endif %}
        drop table {{ some }};
        delete from {{ relation.incorporate(path={'identifier': this.identifier ~ '__parts'}) }};
        insert into {{ relation.incorporate(path={'identifier': this.identifier ~ '__parts'}) }}
        {{ part_digests(parts) }}
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [relation]}) }}
{% endmacro %}


{#- Before all of the table is rebuilt: if that fails half-way, nothing is known of the parts. -#}
{% macro forget_parts() %}
    {%- if config.get('meta', {}).get('parts') -%}
        {% call statement('forget_parts', auto_begin=True) -%}
            drop table if exists {{ this.incorporate(path={'identifier': this.identifier ~ '__parts'}) }}
        {%- endcall %}
        {% do adapter.commit() %}
    {%- endif -%}
{% endmacro %}


{#- After all of it was rebuilt. -#}
{% macro note_parts() %}
    {%- set parts = config.get('meta', {}).get('parts') -%}
    {%- if parts -%}
        {% call statement('note_parts', auto_begin=True) -%}
            create table {{ this.incorporate(path={'identifier': this.identifier ~ '__parts'}) }} as
            {{ part_digests(parts) }}
        {%- endcall %}
        {% do adapter.commit() %}
    {%- endif -%}
{% endmacro %}
