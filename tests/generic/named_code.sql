{% test named_code(model, column_name, kind) %}
    select distinct {{ column_name }}
    from {{ model }}
    where {{ column_name }} not in ('{{ code_list(kind) | join("', '") }}')
{% endtest %}
