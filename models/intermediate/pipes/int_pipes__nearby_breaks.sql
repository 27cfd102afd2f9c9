-- One row per main and a break of another main within neighbourhood_distance_m of its midpoint.
-- Both are put on a grid of that width first, so that only the nine cells around a break are
-- compared.
{% set nearby_m = var('nearby_distance_m') %}
{% set distance_m = var('neighbourhood_distance_m') %}

with pipes as (

    select
        pipe_id,
        x_m,
        y_m,
        cast(floor(x_m / {{ distance_m }}) as integer) as cell_x,
        cast(floor(y_m / {{ distance_m }}) as integer) as cell_y
    from {{ ref('dim_pipes') }}
    where is_modelled and has_location

),

breaks as (

    select
        break_key,
        pipe_id,
        broke_on,
        x_m,
        y_m,
        cast(floor(x_m / {{ distance_m }}) as integer) as cell_x,
        cast(floor(y_m / {{ distance_m }}) as integer) as cell_y
    from {{ ref('fct_breaks') }}
    where is_in_record and x_m is not null and y_m is not null

),

steps as (

    select -1 as step
    union all
    select 0 as step
    union all
    select 1 as step

),

spread_breaks as (

    select
        breaks.break_key,
        breaks.pipe_id,
        breaks.broke_on,
        breaks.x_m,
        breaks.y_m,
        breaks.cell_x + steps_x.step as cell_x,
        breaks.cell_y + steps_y.step as cell_y
    from breaks
    cross join steps as steps_x
    cross join steps as steps_y

),

measured as (

    select
        pipes.pipe_id,
        spread_breaks.break_key,
        spread_breaks.broke_on,
        (spread_breaks.x_m - pipes.x_m) * (spread_breaks.x_m - pipes.x_m)
        + (spread_breaks.y_m - pipes.y_m) * (spread_breaks.y_m - pipes.y_m) as square_m2
    from spread_breaks
    inner join pipes
        on
            spread_breaks.cell_x = pipes.cell_x
            and spread_breaks.cell_y = pipes.cell_y
    where spread_breaks.pipe_id is null or spread_breaks.pipe_id <> pipes.pipe_id

),

final as (

    select
        pipe_id,
        break_key,
        broke_on,
        square_m2 <= {{ nearby_m }} * {{ nearby_m }} as is_nearby
    from measured
    where square_m2 <= {{ distance_m }} * {{ distance_m }}

)

select * from final
