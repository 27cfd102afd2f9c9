-- A table, not a view: the scores in SQL and the reasons both read it.
{{ config(materialized='table', post_hook='{{ analyze_table(this) }}') }}

-- One row per score of the published run of the mains and attribute that its fit reads: what the
-- attribute adds to the log of the rate. Mappings name attributes, so they are rows here and not
-- columns; empty where the published run reads none.
with scores as (

    select * from {{ ref('stg_ml__pipe_scores') }}

),

published_runs as (

    select * from {{ ref('int_scores__published_runs') }}
    where grain = 'pipe'

),

attributes as (

    select * from {{ ref('fct_pipe_attributes') }}

),

coefficients as (

    select * from {{ ref('stg_ml__model_coefficients') }}

),

terms as (

    select
        coefficients.*,
        replace(coefficients.feature, 'attribute:', '') as attribute
    from coefficients
    inner join published_runs
        on coefficients.run_id = published_runs.run_id
    where coefficients.feature like 'attribute:%'

),

read_attributes as (

    select
        run_id,
        trained_until,
        feature,
        attribute
    from terms
    group by 1, 2, 3, 4

),

valued as (

    select
        scores.run_id,
        scores.pipe_id,
        scores.as_of_date,
        scores.trained_until,
        read_attributes.feature,
        attributes.number,
        coalesce(attributes.category, 'unknown') as category,
        attributes.unit
    from scores
    inner join read_attributes
        on
            scores.run_id = read_attributes.run_id
            and scores.trained_until = read_attributes.trained_until
    left join attributes
        on
            scores.pipe_id = attributes.pipe_id
            and read_attributes.attribute = attributes.attribute
            and {{ holds_on('attributes', 'scores.as_of_date') }}

),

final as (

    select
        -- keys
        valued.run_id,
        valued.pipe_id,
        valued.as_of_date,
        valued.trained_until,
        valued.feature as reason_code,

        -- value
        valued.number,
        valued.category,
        valued.unit,

        -- log of a factor
        sum(
            case terms.transform
                when 'indicator' then terms.coefficient
                when 'missing'
                    then case when valued.number is null then terms.coefficient else 0 end
                {%- for transform in ['linear', 'log', 'log1p'] %}
                    when '{{ transform }}'
                        then
                            coalesce(
                                terms.coefficient
                                * ({{ transformed(transform, 'valued.number') }} - terms.center)
                                / terms.scale,
                                0
                            )
                {%- endfor %}
                else 0
            end
        ) as log_factor
    from valued
    left join terms
        on
            valued.run_id = terms.run_id
            and valued.trained_until = terms.trained_until
            and valued.feature = terms.feature
            and (terms.transform <> 'indicator' or valued.category = terms.level)
    group by 1, 2, 3, 4, 5, 6, 7, 8

)

select * from final
