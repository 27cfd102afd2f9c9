{% test figures_within(model, level) %}
{{ config(store_failures=true) }}
    select
        figure,
        segment,
        figure_value,
        lower_bound,
        upper_bound,
        reason
    from {{ model }}
    where severity = '{{ level }}' and not is_within
{% endtest %}
