{#-
    Codes with the words that readers see, in the order in which a chart shows them. Codes that
    a seed defines (eras, diameter and risk classes, soil corrosivity) have their names there.
-#}
{% macro code_list(kind) %}
    {{ return({
        'material_group': {
            'cast_iron': 'Cast iron', 'ductile_iron': 'Ductile iron', 'steel': 'Steel',
            'asbestos_cement': 'Asbestos cement', 'concrete': 'Concrete', 'plastic': 'Plastic',
            'copper': 'Copper', 'other': 'Other', 'unknown': 'Unknown',
        },
        'corrosivity': {'high': 'High', 'moderate': 'Moderate', 'low': 'Low', 'unknown': 'Unknown'},
        'shrink_swell': {
            'very high': 'Very high', 'high': 'High', 'moderate': 'Moderate', 'low': 'Low',
            'unknown': 'Unknown',
        },
        'road_class': {
            'local': 'Local', 'collector': 'Collector', 'arterial': 'Arterial', 'other': 'Other',
            'unknown': 'Unknown',
        },
        'age_band': {
            '0': 'Under 20 years', '1': '20 to 39 years', '2': '40 to 59 years',
            '3': '60 to 79 years', '4': '80 to 99 years', '5': '100 years and more', 'unknown': 'Unknown',
        },
        'link_status': {
            'recorded': 'Named by the utility', 'nearest': 'Nearest main',
            'unknown_pipe': 'Main not in the inventory', 'predates_install': 'Before the main was laid',
            'after_decommissioning': 'After the main left service', 'no_pipe': 'No main nearby',
        },
        'exposure_basis': {
            'mains_km': 'Mains in service, km', 'delivered_mains_km': 'Mains as delivered, km',
            'land_km2': 'Land, km2', 'unknown': 'Unknown',
        },
        'expected_basis': {'mains': 'Mains', 'areas': 'Areas'},
        'bundling_rule': {
            'street': 'Same street', 'installation': 'Same installation', 'grid_cell': 'Same square',
            'alone': 'Single main',
        },
        'plan_rule': {
            'avoided_per_usd': 'Cost avoided per dollar (the plan)', 'breaks_per_usd': 'Breaks avoided per dollar',
            'most_breaks': 'Most recorded breaks', 'oldest': 'Oldest first',
        },
        'reason': {
            'own_breaks': 'Own breaks', 'nearby_breaks': 'Nearby breaks',
            'installation_breaks': 'Breaks of the same installation', 'material': 'Material and age',
            'joint': 'Joint', 'soil': 'Soil', 'diameter': 'Diameter', 'length': 'Length', 'road': 'Road',
        },
        'ranking_rule': {
            'empirical_bayes': 'Empirical Bayes', 'poisson_glm': 'Poisson GLM',
            'gradient_boosting': 'Gradient boosting', 'past_breaks_per_km': 'Past breaks per km',
            'cohort_rate': 'Material and decade', 'weibull': 'Weibull', 'age': 'Age',
            'length': 'Length', 'random': 'Random',
        },
        'prediction_grain': {'pipe': 'Mains', 'area_month': 'Areas and months'},
        'segment_kind': {'all': 'All', 'material': 'Material', 'area': 'Area'},
        'checked_by': {'load': 'Load', 'dbt': 'dbt', 'check': 'la-pipes check'},
        'severity': {'error': 'Error', 'warning': 'Warning'},
        'check_status': {
            'fail': 'Failed', 'error': 'Could not run', 'quarantined': 'Rows set aside',
            'warn': 'Warning', 'pass': 'Passed',
        },
    }[kind]) }}
{% endmacro %}


{#- The words for a code; a code that is not in the list is not changed, so nothing is lost. -#}
{% macro code_name(kind, code) -%}
    case {{ code }}
        {%- for value, name in code_list(kind).items() %}
            when '{{ value }}' then '{{ name }}'
        {%- endfor %}
        else {{ code }}
    end
{%- endmacro %}


{#- The place of a code in its list, from 1; 99 for a code that is not in the list. -#}
{% macro code_sort(kind, code) -%}
    case {{ code }}
        {%- for value in code_list(kind) %}
            when '{{ value }}' then {{ loop.index }}
        {%- endfor %}
        else 99
    end
{%- endmacro %}


{#- A number of years as the code of its band of twenty years; the last band is open. -#}
{% macro age_band_code(years) -%}
    case
        when {{ years }} is null then 'unknown'
        when {{ years }} >= 100 then '5'
        else cast(cast(floor({{ years }} / 20.0) as integer) as text)
    end
{%- endmacro %}
