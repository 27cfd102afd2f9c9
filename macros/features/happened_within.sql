{#- 1 if a date lies in the months before another, else 0, so that it can be summed. -#}
{% macro happened_within(happened_on, as_of_date, months) -%}
    case when {{ happened_on }} >= {{ add_months(as_of_date, -months) }} then 1 else 0 end
{%- endmacro %}
