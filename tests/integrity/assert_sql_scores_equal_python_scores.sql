-- The published run's scores, recomputed in SQL from ml.model_coefficients, are those that the
-- model step wrote, to 1e-9. A published run without any coefficients, boosted trees, has nothing
-- to compare; one that has them must have those of every fit it scored with.
with scores as (

    select * from {{ ref('stg_ml__pipe_scores') }}

),

fits as (

    select run_id from {{ ref('int_scores__pipe_coefficients') }}
    group by 1

),

features as (

    select * from {{ ref('fct_pipe_features') }}

),

recomputed as (

    select * from {{ ref('int_scores__pipe_contributions') }}

)

select
    scores.run_id,
    scores.pipe_id,
    scores.as_of_date,
    scores.expected_breaks,
    recomputed.expected_breaks as recomputed_breaks
from scores
inner join fits
    on scores.run_id = fits.run_id
-- A score of a main that has since left the inventory has no features to recompute it from.
inner join features
    on
        scores.pipe_id = features.pipe_id
        and scores.as_of_date = features.as_of_date
left join recomputed
    on
        scores.run_id = recomputed.run_id
        and scores.pipe_id = recomputed.pipe_id
        and scores.as_of_date = recomputed.as_of_date
where
    recomputed.expected_breaks is null
    or abs(recomputed.expected_breaks - scores.expected_breaks)
    > 0.000000001 * (scores.expected_breaks + 0.001)
