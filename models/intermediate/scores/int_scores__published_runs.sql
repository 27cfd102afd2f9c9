-- One row a grain: the run whose scores the risk marts read. The seed published_model_runs
-- decides; without an entry, the run trained last.
with runs as (

    select * from {{ ref('stg_ml__model_runs') }}

),

published as (

    select * from {{ ref('published_model_runs') }}

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
