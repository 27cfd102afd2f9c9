-- One row per fit of the published run of the mains: its coefficients side by side. A centered and
-- scaled number times its coefficient is written as slope times number plus shift.
with coefficients as (

    select * from {{ ref('stg_ml__model_coefficients') }}

),

published_runs as (

    select * from {{ ref('int_scores__published_runs') }}
    where grain = 'pipe'

),

published as (

    select
        coefficients.run_id,
        coefficients.trained_until,
        coefficients.feature,
        coefficients.transform,
        coefficients.coefficient,
        coefficients.scale,
        coefficients.coefficient / coefficients.scale as slope,
        -coefficients.coefficient * coefficients.center / coefficients.scale as shift
    from coefficients
    inner join published_runs
        on coefficients.run_id = published_runs.run_id

),

final as (

    select
        -- keys
        run_id,
        trained_until,

        -- log rate
        sum(case when transform = 'intercept' then coefficient else 0 end) as intercept,
        {%- for term in pipe_number_terms() %}
            {%- set name = term_name(term) %}
            {%- set is_feature = "feature = '" ~ term.feature ~ "'" %}
            {%- set is_term = is_feature ~ " and transform = '" ~ term.transform ~ "'" %}
            sum(case when {{ is_term }} then slope else 0 end) as {{ name }}_slope,
            sum(case when {{ is_term }} then shift else 0 end) as {{ name }}_shift,
            sum(case when {{ is_feature }} and transform = 'missing' then coefficient else 0 end)
                as {{ name }}_missing,
        {%- endfor %}

        -- factor of the main's own record
        max(case when left(transform, 3) = 'eb_' then 1 else 0 end) as has_history_factor,
        sum(case when transform = 'eb_shape' then coefficient else 0 end) as eb_shape,
        sum(case when transform = 'eb_shape_power' then coefficient else 0 end) as eb_shape_power,
        {%- for name in pipe_history_counts() %}
            sum(
                case
                    when transform = 'eb_breaks' and feature = '{{ name }}' then coefficient else 0
                end
            ) as eb_{{ name }},
        {%- endfor %}
        sum(case when transform = 'eb_years' then slope else 0 end) as eb_years,
        sum(case when transform = 'eb_recent_years' then coefficient else 0 end) as eb_recent_years,
        max(case when transform = 'eb_recent_years' then scale end) as eb_recent_years_span
    from published
    group by 1, 2

)

select * from final
