-- Every plausibility figure has a bound in the seed; a figure without one would never be checked.
with figures as (

    {% for model in [
        'int_quality__network_figures', 'int_quality__break_counts', 'int_quality__feature_shift',
        'int_quality__calibration',
    ] -%}
        select figure
        from {{ ref(model) }}
        group by 1
        {% if not loop.last %}
            union all

        {% endif -%}
    {% endfor %}
),

bounds as (

    select * from {{ ref('plausibility_bounds') }}

)

select figures.figure
from figures
left join bounds
    on figures.figure = bounds.figure
where bounds.figure is null
