-- Every term of the published run of the mains is one that SQL recomputes: a row here is a
-- term of a feature that models/marts/features no longer declares: train again.
with coefficients as (

    select * from {{ ref('stg_ml__model_coefficients') }}

),

published_runs as (

    select * from {{ ref('int_scores__published_runs') }}
    where grain = 'pipe'

),

known as (

    {%- for term in pipe_terms() %}
        select
            '{{ term.feature }}' as feature,
            '{{ term.transform }}' as transform
        union all
        select
            '{{ term.feature }}' as feature,
            'missing' as transform
        union all
    {%- endfor %}
    {%- for name in pipe_history_counts() %}
        select
            '{{ name }}' as feature,
            'eb_breaks' as transform
        union all
    {%- endfor %}
    select
        'exposure_years' as feature,
        'eb_years' as transform
    union all
    select
        'exposure_years' as feature,
        'eb_recent_years' as transform

)

select
    coefficients.trained_until,
    coefficients.term
from coefficients
inner join published_runs
    on coefficients.run_id = published_runs.run_id
left join known
    on
        coefficients.feature = known.feature
        and coefficients.transform = known.transform
where
    coefficients.transform not in ('intercept', 'eb_shape', 'eb_shape_power')
    and coefficients.feature not like 'attribute:%'
    and known.feature is null
