-- One row per grain: the run whose scores the risk marts read, of those that have scores. The
-- newest promotion decides; without one, the seed published_model_runs; without an entry there, the
-- run that learned from the newest labels.
with runs as (

    select * from {{ ref('stg_ml__model_runs') }}

),

pipe_scores as (

    select * from {{ ref('stg_ml__pipe_scores') }}

),

area_month_scores as (

    select * from {{ ref('stg_ml__area_month_scores') }}

),

promotions as (

    select * from {{ ref('stg_ml__promotions') }}

),

seeded as (

    select * from {{ ref('published_model_runs') }}

),

numbered_promotions as (

    select
        grain,
        run_id,
        row_number() over (
            partition by grain
            order by promoted_at desc, {{ byte_order('run_id') }} desc nulls last
        ) as newness
    from promotions

),

promoted as (

    select
        grain,
        run_id
    from numbered_promotions
    where newness = 1

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
                case
                    when promoted.run_id is not null then 1
                    when seeded.run_id is not null then 2
                    else 3
                end,
                runs.trained_until desc,
                runs.trained_at desc,
                {{ byte_order('runs.run_id') }}
        ) as preference
    from runs
    inner join scored
        on runs.run_id = scored.run_id
    left join promoted
        on
            runs.grain = promoted.grain
            and runs.run_id = promoted.run_id
    left join seeded
        on
            runs.grain = seeded.grain
            and runs.run_id = seeded.run_id

),

final as (

    select
        grain,
        run_id
    from ranked
    where preference = 1

)

select * from final
