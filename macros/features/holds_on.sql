{#-
    Whether a value of fct_pipe_attributes holds on a day: from valid_from on, before valid_until.
    Comparisons, which engines can hash; `or` would compare each main with each.
-#}
{% macro holds_on(attributes, day) -%}
    coalesce({{ attributes }}.valid_from, date '0001-01-01') <= {{ day }}
            and coalesce({{ attributes }}.valid_until, date '9999-12-31') > {{ day }}
{%- endmacro %}
