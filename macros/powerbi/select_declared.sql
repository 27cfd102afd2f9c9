{#-
    A query for the columns that the model's own YAML declares, in its order: a column that a view passes
    on is named there alone. renamed says which column of the relation a declared one is read from where
    that has another name. dbt tells a unit test nothing of the YAML: there they are the columns expected.
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
