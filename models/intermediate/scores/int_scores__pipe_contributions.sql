-- A table, not a view: the reasons and the comparison with the model step's scores both read it.
{{ config(materialized='table', post_hook='{{ analyze_table(this) }}') }}

-- One row per score of the published run of the mains: what each reason adds to the log of the
-- rate, and the expected breaks that follow from it, computed in SQL; a test asserts that they
-- equal ml.pipe_scores. Empty if the published model is not made of coefficients.
{%- set levels = pipe_level_terms() %}
{%- set numbers = pipe_number_terms() %}
with scores as (

    select * from {{ ref('stg_ml__pipe_scores') }}

),

features as (

    select * from {{ ref('fct_pipe_features') }}

),

fits as (

    select * from {{ ref('int_scores__pipe_coefficients') }}

),

coefficients as (

    select * from {{ ref('stg_ml__model_coefficients') }}
    where transform = 'indicator'

),

pipe_attributes as (

    select
        run_id,
        pipe_id,
        as_of_date,
        trained_until,
        sum(log_factor) as log_factor
    from {{ ref('int_scores__pipe_attributes') }}
    group by 1, 2, 3, 4

),

-- A number counted by two transforms would count its missing term twice.
valued as (

    select
        scores.run_id,
        scores.pipe_id,
        scores.as_of_date,
        scores.trained_until,
        features.length_m,
        features.exposure_years,
        {%- for name in pipe_history_counts() %}
            features.{{ name }},
        {%- endfor %}
        {%- for term in levels %}
            {{ feature_value(term.feature, 'features') }} as {{ term_name(term) }},
        {%- endfor %}
        {%- for term in numbers %}
            {{ feature_value(term.feature, 'features') }} as {{ term_name(term) }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from scores
    inner join features
        on
            scores.pipe_id = features.pipe_id
            and scores.as_of_date = features.as_of_date

),

added as (

    select
        valued.run_id,
        valued.pipe_id,
        valued.as_of_date,
        valued.trained_until,
        valued.length_m,
        valued.exposure_years,
        {%- for name in pipe_history_counts() %}
            valued.{{ name }},
        {%- endfor %}
        fits.intercept,
        fits.has_history_factor,
        fits.eb_shape,
        fits.eb_shape_power,
        {%- for name in pipe_history_counts() %}
            fits.eb_{{ name }},
        {%- endfor %}
        fits.eb_years,
        fits.eb_recent_years,
        fits.eb_recent_years_span,
        {%- for reason in pipe_reasons() %}
            {%- for term in numbers if term.reason == reason %}
                {%- set name = term_name(term) %}
                coalesce(
                    fits.{{ name }}_slope * {{ transformed(term.transform, 'valued.' ~ name) }}
                    + fits.{{ name }}_shift, 0
                )
                + case
                    when valued.{{ name }} is null then coalesce(fits.{{ name }}_missing, 0) else 0
                end
                +
            {%- endfor %}
            {%- for term in levels if term.reason == reason %}
                coalesce({{ term_name(term) }}_coefficients.coefficient, 0) +
            {%- endfor %}
            0 as {{ reason }},
        {%- endfor %}
        coalesce(pipe_attributes.log_factor, 0) as attributes
    from valued
    inner join fits
        on
            valued.run_id = fits.run_id
            and valued.trained_until = fits.trained_until
    {%- for term in levels %}
        {%- set alias = term_name(term) ~ '_coefficients' %}
        left join coefficients as {{ alias }}
            on
                valued.run_id = {{ alias }}.run_id
                and valued.trained_until = {{ alias }}.trained_until
                and valued.{{ term_name(term) }} = {{ alias }}.level
                and {{ alias }}.feature = '{{ term.feature }}'
    {%- endfor %}
    left join pipe_attributes
        on
            valued.run_id = pipe_attributes.run_id
            and valued.trained_until = pipe_attributes.trained_until
            and valued.pipe_id = pipe_attributes.pipe_id
            and valued.as_of_date = pipe_attributes.as_of_date

),

before_history as (

    select
        added.*,
        length_m / 1000 * exp(intercept + {{ pipe_reasons() | join(' + ') }} + attributes)
            as expected_breaks_before_history,
        {%- for name in pipe_history_counts() %}
            eb_{{ name }} * coalesce({{ name }}, 0) +
        {%- endfor %}
        0 as eb_breaks,
        eb_years * coalesce(exposure_years, 0)
        + case
            when eb_recent_years_span is null then 0
            else eb_recent_years * least(coalesce(exposure_years, 0) / eb_recent_years_span, 1)
        end as eb_observed_years
    from added

),

shaped as (

    select
        before_history.*,
        eb_shape * power(expected_breaks_before_history, eb_shape_power) as shape
    from before_history

),

weighed as (

    select
        shaped.*,
        case
            when has_history_factor = 0 then 1
            else
                (shape + eb_breaks)
                / (shape + expected_breaks_before_history * eb_observed_years)
        end as history_factor
    from shaped

),

final as (

    select
        -- keys
        run_id,
        pipe_id,
        as_of_date,
        trained_until,

        -- likelihood
        expected_breaks_before_history * history_factor as expected_breaks,

        -- logs of factors
        intercept,
        {%- for reason in pipe_reasons() %}
            {{ reason }}
            {%- if reason == 'own_breaks' %} + ln(history_factor){% endif %} as log_{{ reason }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from weighed

)

select * from final
