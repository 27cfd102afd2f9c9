{#-
    A query for the columns that the model's own YAML declares, in its order: a column that a view
    passes on is named only there. `renamed` says which column of the relation a declared column is
    read from, if the names differ. In a unit test dbt does not provide the YAML; there the expected
    columns are used.
-#}
{% macro select_declared(relation, renamed={}) -%}
    {%- set names = (model.columns or (model.config.expected_rows or [{}])[0]).keys() %}
    select
        {%- for name in names %}
            {{ renamed[name] ~ ' as ' if name in renamed }}{{ name }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ relation }}
{%- endmacro %}
