{#- A count of breaks in words: 1 break, 3 breaks. -#}
{% macro breaks_in_words(count) -%}
    cast({{ count }} as text) || case when {{ count }} = 1 then ' break' else ' breaks' end
{%- endmacro %}


{#- A number as text without decimals. -#}
{% macro whole_text(number) -%}
    cast(cast({{ rounded(number, 0) }} as integer) as text)
{%- endmacro %}


{#-
    What a reason code says about a main, in words for planners. `pipes` and `features` are the
    aliases of dim_pipes and fct_pipe_features.
-#}
{% macro reason_text(reason_code, pipes, features) -%}
    case {{ reason_code }}
        when 'material'
            then
                case
                    when {{ pipes }}.material_code = 'UNK' then 'unknown material'
                    else lower({{ pipes }}.material_name)
                end
                || coalesce(' of ' || cast({{ pipes }}.install_year as text), ', year unknown')
        when 'joint'
            then
                case
                    when {{ pipes }}.joint_code = 'UNK' then 'type of joint unknown'
                    else lower({{ pipes }}.joint_name) || ' joints'
                end
        when 'road'
            then
                case {{ pipes }}.road_class
                    when 'unknown' then 'class of road unknown'
                    when 'other' then 'under a road of no usual class'
                    when 'arterial' then 'under an arterial road'
                    else 'under a ' || {{ pipes }}.road_class || ' road'
                end
        when 'soil'
            then
                case {{ pipes }}.soil_corrosivity_code
                    when 'high' then 'corrosive soil'
                    when 'moderate' then 'moderately corrosive soil'
                    when 'low' then 'soil of low corrosivity'
                    else 'soil not surveyed'
                end
        when 'diameter'
            then coalesce({{ whole_text(pipes ~ '.diameter_mm') }} || ' mm wide', 'diameter unknown')
        when 'length' then {{ whole_text(pipes ~ '.length_m') }} || ' m long'
        when 'own_breaks'
            then
                case
                    when {{ features }}.breaks_prior_60m > 0
                        then {{ breaks_in_words(features ~ '.breaks_prior_60m') }} || ' in 5 years'
                    when {{ features }}.breaks_ever > 0
                        then
                            {{ breaks_in_words(features ~ '.breaks_ever') }} || ' in '
                            || {{ whole_text(features ~ '.exposure_years') }} || ' years'
                    else 'only ' || {{ whole_text(features ~ '.exposure_years') }} || ' years on record'
                end
        when 'installation_breaks'
            then
                {{ breaks_in_words(features ~ '.installation_breaks_prior_36m') }}
                || ' of its installation in 3 years'
        when 'nearby_breaks'
            then
                case
                    when {{ features }}.nearby_breaks_prior_36m > 0
                        then
                            {{ breaks_in_words(features ~ '.nearby_breaks_prior_36m') }}
                            || ' within {{ var("nearby_distance_m") }} m in 3 years'
                    when {{ features }}.nearby_breaks_prior_60m > 0
                        then
                            {{ breaks_in_words(features ~ '.nearby_breaks_prior_60m') }}
                            || ' within {{ var("nearby_distance_m") }} m in 5 years'
                    else
                        {{ breaks_in_words(features ~ '.neighbourhood_breaks_ever') }}
                        || ' within {{ var("neighbourhood_distance_m") }} m on record'
                end
    end
{%- endmacro %}


{#-
    What the reason of an attribute says: its name, its value and the unit. `attributes` is the alias
    of int_scores__pipe_attributes.
-#}
{% macro attribute_text(attributes) -%}
    replace(replace({{ attributes }}.reason_code, 'attribute:', ''), '_', ' ') || ': '
    || case
        when {{ attributes }}.number is null then {{ attributes }}.category
        else {{ short_number_text(attributes ~ '.number') }} || coalesce(' ' || {{ attributes }}.unit, '')
    end
{%- endmacro %}


{#- A number of any size as text: whole where it is, else with one decimal. -#}
{% macro short_number_text(number) -%}
    case
        when abs({{ number }}) >= 1e15 then cast({{ number }} as text)
        when {{ rounded(number, 1) }} = {{ rounded(number, 0) }}
            then cast(cast({{ rounded(number, 0) }} as decimal(38, 0)) as text)
        else cast(cast({{ rounded(number, 1) }} as decimal(38, 1)) as text)
    end
{%- endmacro %}
