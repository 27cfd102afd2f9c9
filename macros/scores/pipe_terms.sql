{#- Generated from models/marts/features/_features__models.yml by `la-pipes contracts sync`;
    change it there. -#}
{% macro pipe_terms() %}
    {{ return([
        {'feature': 'material_group', 'transform': 'indicator',
         'reason': 'material'},
        {'feature': 'install_era', 'transform': 'indicator',
         'reason': 'material'},
        {'feature': 'joint_code', 'transform': 'indicator',
         'reason': 'joint'},
        {'feature': 'road_class', 'transform': 'indicator',
         'reason': 'road'},
        {'feature': 'age_years', 'transform': 'log1p',
         'reason': 'material'},
        {'feature': 'diameter_mm', 'transform': 'log',
         'reason': 'diameter'},
        {'feature': 'length_m', 'transform': 'log',
         'reason': 'length'},
        {'feature': 'soil_resistivity_ohm_cm', 'transform': 'log',
         'reason': 'soil'},
        {'feature': 'soil_corrosivity_code', 'transform': 'indicator',
         'reason': 'soil'},
        {'feature': 'exposure_years', 'transform': 'log1p',
         'reason': 'material'},
        {'feature': 'breaks_ever', 'transform': 'log1p',
         'reason': 'own_breaks'},
        {'feature': 'breaks_prior_12m', 'transform': 'log1p',
         'reason': 'own_breaks'},
        {'feature': 'breaks_prior_36m', 'transform': 'log1p',
         'reason': 'own_breaks'},
        {'feature': 'breaks_prior_60m', 'transform': 'log1p',
         'reason': 'own_breaks'},
        {'feature': 'months_since_last_break', 'transform': 'log1p',
         'reason': 'own_breaks'},
        {'feature': 'installation_breaks_prior_36m', 'transform': 'log1p',
         'reason': 'installation_breaks'},
        {'feature': 'nearby_breaks_prior_12m', 'transform': 'log1p',
         'reason': 'nearby_breaks'},
        {'feature': 'nearby_breaks_prior_36m', 'transform': 'log1p',
         'reason': 'nearby_breaks'},
        {'feature': 'nearby_breaks_prior_60m', 'transform': 'log1p',
         'reason': 'nearby_breaks'},
        {'feature': 'neighbourhood_breaks_ever', 'transform': 'log1p',
         'reason': 'nearby_breaks'},
        {'feature': 'material_group*install_era', 'transform': 'indicator',
         'reason': 'material'},
        {'feature': 'breaks_ever/exposure_years', 'transform': 'log1p',
         'reason': 'own_breaks'},
    ]) }}
{% endmacro %}


{#- Counts of a main's own breaks that the empirical-Bayes factor can read. -#}
{% macro pipe_history_counts() %}
    {{ return([
        'breaks_ever',
        'breaks_prior_60m',
    ]) }}
{% endmacro %}
