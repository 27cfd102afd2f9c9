{#-
    The statements that keep the result of every data test and freshness check of an invocation in
    quality.check_results, and delete those older than 90 days. Unit tests are left out, because
    they test the models, not the data. Runs on-run-end.

    The table is rendered by hand, because with --empty a source is a query.
-#}
{% macro record_check_results(results) %}
    {%- if execute and flags.WHICH in ('build', 'test', 'freshness', 'source-freshness') -%}
        {%- set rows = [] -%}
        {%- for result in results
            if result.node.resource_type in ('test', 'source') and result.status != 'skipped' -%}
            {%- do rows.append(check_result_row(result)) -%}
        {%- endfor -%}
        {%- if rows %}
            {{ bounding_waits() }}
            delete from {{ source('quality', 'check_results').render() }}
            where checked_at < cast('{{ run_started_at.strftime("%Y-%m-%d") }}' as date) - 90;

            insert into {{ source('quality', 'check_results').render() }} (
                checked_by, invocation_id, check_name, table_schema, table_name, rule, severity, status, failures,
                message, checked_at
            )
            values
            {{ rows | join(',\n            ') }};
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro check_result_row(result) %}
    {%- set node = result.node -%}
    {%- set table = checked_table(node) -%}
    {%- set is_freshness = node.resource_type == 'source' -%}
    {%- set status = {'pass': 'pass', 'warn': 'warn', 'fail': 'fail'}.get(result.status | string, 'error') -%}
    {#- A late delivery of severity error counts as failed; dbt also calls that an error. -#}
    {%- if is_freshness -%}
        {%- set severity = 'error' if status == 'error' else 'warning' -%}
        {%- set rule = 'freshness' -%}
    {%- else -%}
        {%- set severity = 'warning' if (node.config.severity | lower) == 'warn' else 'error' -%}
        {#- A table can have the same test twice, once of each severity. -#}
        {%- set level = 'warning' if severity == 'warning' else none -%}
        {%- set rule = ([node.test_metadata.name, node.column_name, level] | select | join(' '))
            if node.test_metadata else node.name -%}
    {%- endif -%}
    {%- set late = 'the newest delivery is older than freshness allows: ask for the next one' -%}
    {%- set message = none if status == 'pass' else (late if is_freshness else result.message or status) -%}
    (
        'dbt',
        {{ text_literal(invocation_id) }},
        {{ text_literal(node.unique_id) }},
        {{ text_literal(table.schema) }},
        {{ text_literal(table.alias or table.identifier) }},
        {{ text_literal(rule) }},
        {{ text_literal(severity) }},
        {{ text_literal(status) }},
        cast({{ (result.failures or 0) if not is_freshness else (0 if status == 'pass' else 1) }} as bigint),
        {{ text_literal(message) }},
        cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp)
    )
{%- endmacro %}


{#- The model or source that a test is about, from the graph; none for a test that spans several. -#}
{% macro checked_table(node) %}
    {%- if node.resource_type == 'source' -%}
        {{ return(node) }}
    {%- endif -%}
    {%- set name = node.attached_node or (node.depends_on.nodes | join('|')) -%}
    {{ return(graph.nodes.get(name) or graph.sources.get(name) or {}) }}
{% endmacro %}


{% macro text_literal(value) -%}
    {{ 'cast(null as text)' if value is none or value is undefined else "'" ~ (value | string | replace("'", "''")) ~ "'" }}
{%- endmacro %}
