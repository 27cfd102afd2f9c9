{#-
    A query for the columns that the model's own YAML declares, in its order: a column that a model
    passes on is named only there. `renamed` says which column of the relation, or which SQL, a
    declared column is read from, if the names differ; none is a null. In a unit test dbt does not
    provide the YAML; there the expected columns are used.
-#}
{% macro select_declared(relation, renamed={}) -%}
    {%- set names = (model.columns or (model.config.expected_rows or [{}])[0]).keys() %}
    select
        {%- for name in names %}
            {% if name in renamed -%}
                {{ 'cast(null as ' ~ model.columns[name].data_type ~ ')'
                    if renamed[name] is none else renamed[name] }} as{{ ' ' }}
            {%- endif %}
            {{- name }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ relation }}
{%- endmacro %}
