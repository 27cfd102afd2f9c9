{#- Whether a value of fct_pipe_attributes holds on a day: from valid_from on, before valid_until. -#}
{% macro holds_on(attributes, day) -%}
    ({{ attributes }}.valid_from is null or {{ attributes }}.valid_from <= {{ day }})
            and ({{ attributes }}.valid_until is null or {{ day }} < {{ attributes }}.valid_until)
{%- endmacro %}
