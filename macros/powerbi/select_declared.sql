{#-
    A query for the columns that the model's own YAML declares, in its order: a view that only passes
    columns on names them once.
-#}
{% macro select_declared(relation) -%}
    select
        {%- for column in model.columns.values() %}
            {{ column.name }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ relation }}
{%- endmacro %}
