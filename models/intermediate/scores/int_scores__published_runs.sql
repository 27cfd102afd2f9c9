-- One row a grain: the run whose scores the risk marts read, of those that have scores. The seed
-- published_model_runs decides; without an entry, the run that learned from the newest labels.
with runs as (

    select * from {{ ref('stg_ml__model_runs') }}

),

pipe_scores as (

    select * from {{ ref('stg_ml__pipe_scores') }}

),

area_month_scores as (

    select * from {{ ref('stg_ml__area_month_scores') }}

),

published as (

    select * from {{ ref('published_model_runs') }}

),

scored as (

    select run_id from pipe_scores
    group by 1

    union all

    select run_id from area_month_scores
    group by 1

),

ranked as (

    select
        runs.grain,
        runs.run_id,
        row_number() over (
            partition by runs.grain
            order by
                case when published.run_id is null then 1 else 0 end,
                runs.trained_until desc,
                runs.trained_at desc,
                {{ byte_order('runs.run_id') }}
        ) as preference
    from runs
    inner join scored
        on runs.run_id = scored.run_id
    left join published
        on
            runs.grain = published.grain
            and runs.run_id = published.run_id

),

final as (

    select
        grain,
        run_id
    from ranked
    where preference = 1

)

select * from final
