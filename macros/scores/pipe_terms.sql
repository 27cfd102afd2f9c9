{#-
    Terms a model of the mains can have, as model/design.py makes them, and the reason that each
    counts towards: terms that say the same thing (a main's breaks of one, three and five years)
    push and pull against each other and mean something only together. A term that is not listed
    fails the test assert_every_pipe_term_is_known_in_sql.
-#}
{% macro pipe_terms() %}
    {{ return([
        {'feature': 'material_group', 'transform': 'indicator', 'reason': 'material'},
        {'feature': 'install_era', 'transform': 'indicator', 'reason': 'material'},
        {'feature': 'material_group*install_era', 'transform': 'indicator', 'reason': 'material'},
        {'feature': 'age_years', 'transform': 'log1p', 'reason': 'material'},
        {'feature': 'exposure_years', 'transform': 'log1p', 'reason': 'material'},
        {'feature': 'joint_code', 'transform': 'indicator', 'reason': 'joint'},
        {'feature': 'road_class', 'transform': 'indicator', 'reason': 'road'},
        {'feature': 'soil_corrosivity_code', 'transform': 'indicator', 'reason': 'soil'},
        {'feature': 'soil_resistivity_ohm_cm', 'transform': 'log', 'reason': 'soil'},
        {'feature': 'diameter_mm', 'transform': 'log', 'reason': 'diameter'},
        {'feature': 'length_m', 'transform': 'log', 'reason': 'length'},
        {'feature': 'breaks_ever', 'transform': 'log1p', 'reason': 'own_breaks'},
        {'feature': 'breaks_prior_12m', 'transform': 'log1p', 'reason': 'own_breaks'},
        {'feature': 'breaks_prior_36m', 'transform': 'log1p', 'reason': 'own_breaks'},
        {'feature': 'breaks_prior_60m', 'transform': 'log1p', 'reason': 'own_breaks'},
        {'feature': 'breaks_ever/exposure_years', 'transform': 'log1p', 'reason': 'own_breaks'},
        {'feature': 'months_since_last_break', 'transform': 'log1p', 'reason': 'own_breaks'},
        {'feature': 'installation_breaks_prior_36m', 'transform': 'log1p', 'reason': 'installation_breaks'},
        {'feature': 'nearby_breaks_prior_12m', 'transform': 'log1p', 'reason': 'nearby_breaks'},
        {'feature': 'nearby_breaks_prior_36m', 'transform': 'log1p', 'reason': 'nearby_breaks'},
        {'feature': 'nearby_breaks_prior_60m', 'transform': 'log1p', 'reason': 'nearby_breaks'},
        {'feature': 'neighbourhood_breaks_ever', 'transform': 'log1p', 'reason': 'nearby_breaks'},
    ]) }}
{% endmacro %}


{#- Counts of a main's own breaks that the empirical-Bayes factor can read. -#}
{% macro pipe_history_counts() %}
    {{ return(['breaks_ever', 'breaks_prior_12m', 'breaks_prior_36m', 'breaks_prior_60m']) }}
{% endmacro %}


{#- Reasons in the order of pipe_terms(), each once. -#}
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


{#- A name for a term that SQL takes as a column. -#}
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
