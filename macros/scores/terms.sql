{#-
    Reasons in the order of pipe_terms(), each once. Terms that measure the same thing (a main's
    breaks of one, three and five years) offset each other and mean something only together.
-#}
{% macro pipe_reasons() %}
    {{ return(pipe_terms() | map(attribute='reason') | unique | list) }}
{% endmacro %}


{#- Terms of levels, and terms of numbers. -#}
{% macro pipe_level_terms() %}
    {{ return(pipe_terms() | selectattr('transform', 'equalto', 'indicator') | list) }}
{% endmacro %}

{% macro pipe_number_terms() %}
    {{ return(pipe_terms() | rejectattr('transform', 'equalto', 'indicator') | list) }}
{% endmacro %}


{#- A name for a term that is valid as an SQL column. -#}
{% macro term_name(term) -%}
    {{ term.transform }}_{{ term.feature | replace('/', '_per_') | replace('*', '_and_') }}
{%- endmacro %}


{#-
    A feature as SQL: a column, `a*b` (levels joined, null where either is) or `a/b` (null unless b
    is above 0), as model/design.py defines them.
-#}
{% macro feature_value(feature, relation) -%}
    {%- if '*' in feature -%}
        {%- set parts = feature.split('*') -%}
        {{ relation }}.{{ parts[0] }} || '*' || {{ relation }}.{{ parts[1] }}
    {%- elif '/' in feature -%}
        {%- set parts = feature.split('/') -%}
        case
            when {{ relation }}.{{ parts[1] }} > 0
                then cast({{ relation }}.{{ parts[0] }} as double precision)
                    / {{ relation }}.{{ parts[1] }}
        end
    {%- else -%}
        {{ relation }}.{{ feature }}
    {%- endif -%}
{%- endmacro %}


{#- A number transformed as model/design.py does; null outside the transform's domain. -#}
{% macro transformed(transform, value) -%}
    {%- if transform == 'log' -%}
        ln(case when {{ value }} > 0 then cast({{ value }} as double precision) end)
    {%- elif transform == 'log1p' -%}
        ln(case when {{ value }} > -1 then 1 + cast({{ value }} as double precision) end)
    {%- elif transform == 'linear' -%}
        cast({{ value }} as double precision)
    {%- else -%}
        {{ exceptions.raise_compiler_error("transformed knows 'log', 'log1p' and 'linear', not '" ~ transform ~ "'") }}
    {%- endif -%}
{%- endmacro %}
