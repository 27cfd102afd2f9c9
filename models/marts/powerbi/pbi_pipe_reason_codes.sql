-- One row per scored main and reason, for Power BI: up to three that raise its rate most.
with reasons as (

    select * from {{ ref('fct_pipe_reason_codes') }}

),

pipes as (

    select * from {{ ref('dim_pipes') }}

),

described as (

    select
        reasons.*,
        reasons.pipe_id || '-' || cast(reasons.reason_rank as text) as reason_key,
        coalesce(pipes.area_id, 'unknown') as area_id,
        {{ code_name('reason', 'reasons.reason_code') }} as reason_name,
        {{ code_sort('reason', 'reasons.reason_code') }} as reason_sort
    from reasons
    inner join pipes
        on reasons.pipe_id = pipes.pipe_id

)

{{ select_declared('described') }}
