-- One row per main with a location: its line, for the maps of the portal.
with pipes as (

    select * from {{ ref('dim_pipes') }}
    where line_wkt is not null

),

final as (

    select
        -- keys
        pipe_id,
        coalesce(area_id, 'unknown') as area_id,

        -- facts
        line_wkt
    from pipes

)

select * from final
