-- One row per main of the plan with its project: a run of neighboring mains of one street and
-- cohort (area, material, era), cut where the gap is wide and where the run is long. The score
-- plays no part here, so every rule chooses among the same projects. No project is shorter than
-- stub_length_m.
{%- set along = "bundle_position nulls last, " ~ byte_order('pipe_id') %}
with pipes as (

    select * from {{ ref('int_plan__pipes') }}

),

-- A bundle gets a short name, because the windows below sort by it.
bundled as (

    select
        pipe_id,
        area_id,
        bundling_rule,
        bundle_name,
        x_m,
        y_m,
        length_m,
        exact_length_m,
        max(x_m) over bundle - min(x_m) over bundle as extent_east_m,
        max(y_m) over bundle - min(y_m) over bundle as extent_north_m,
        min({{ byte_order('pipe_id') }}) over bundle as bundle_id
    from pipes
    window
        bundle as (
            partition by area_id, bundling_rule, bundle_name, material_group, install_era
        )

),

-- Along a street means along the axis in which it extends farther.
positioned as (

    select
        bundled.*,
        case when extent_east_m >= extent_north_m then x_m else y_m end as bundle_position
    from bundled

),

neighboured as (

    select
        positioned.*,
        x_m - lag(x_m) over (partition by bundle_id order by {{ along }}) as east_m,
        y_m - lag(y_m) over (partition by bundle_id order by {{ along }}) as north_m,
        (length_m + lag(length_m) over (partition by bundle_id order by {{ along }})) / 2
            as half_lengths_m
    from positioned

),

-- The distance between the midpoints minus half of both lengths. Without a location there is no
-- gap.
parted as (

    select
        neighboured.*,
        case
            when
                sqrt(east_m * east_m + north_m * north_m) - half_lengths_m
                > {{ var('plan_bundle_gap_m') }}
                then 1
            else 0
        end as starts_run
    from neighboured

),

numbered as (

    select
        parted.*,
        sum(starts_run) over (
            partition by bundle_id
            order by {{ along }}
            rows between unbounded preceding and current row
        ) as run_number
    from parted

),

measured as (

    select
        numbered.*,
        sum(exact_length_m) over (partition by bundle_id, run_number) as run_length_m,
        sum(exact_length_m) over (
            partition by bundle_id, run_number
            order by {{ along }}
            rows between unbounded preceding and current row
        ) - exact_length_m as run_length_before_m
    from numbered

),

-- A long run gives pieces of equal length; a main belongs to the piece in which it begins. Lengths
-- are in whole millimeters, which doubles hold exactly; with meters, two of three equal mains could
-- fall in one piece.
cut as (

    select
        measured.*,
        cast(
            floor(
                cast(1000 * run_length_before_m as double precision)
                * ceil(run_length_m / {{ var('plan_project_max_m') }})
                / cast(1000 * run_length_m as double precision)
            ) as integer
        ) as piece_number
    from measured

),

pieces as (

    select
        cut.*,
        min({{ byte_order('pipe_id') }}) over (
            partition by bundle_id, run_number, piece_number
        ) as piece_id,
        sum(exact_length_m) over (
            partition by bundle_id, run_number, piece_number
        ) as piece_length_m,
        coalesce(area_id, '') as area_name
    from cut

),

hosts as (

    select * from pieces
    where piece_length_m >= {{ var('stub_length_m') }}

),

stubs as (

    select * from pieces
    where piece_length_m < {{ var('stub_length_m') }} and bundling_rule <> 'alone'

),

-- A stub is not dug for alone: it goes with the nearest main of its street, whatever the cohort.
-- Without one as near as mains of one run are, it is in no project.
neighbours as (

    select
        stubs.pipe_id,
        hosts.piece_id,
        row_number() over (
            partition by stubs.pipe_id
            order by
                (hosts.x_m - stubs.x_m) * (hosts.x_m - stubs.x_m)
                + (hosts.y_m - stubs.y_m) * (hosts.y_m - stubs.y_m) asc nulls last,
                {{ byte_order('hosts.pipe_id') }} asc
        ) as nearness
    from stubs
    inner join hosts
        on
            stubs.area_name = hosts.area_name
            and stubs.bundling_rule = hosts.bundling_rule
            and stubs.bundle_name = hosts.bundle_name
    where
        coalesce(
            sqrt(
                (hosts.x_m - stubs.x_m) * (hosts.x_m - stubs.x_m)
                + (hosts.y_m - stubs.y_m) * (hosts.y_m - stubs.y_m)
            ) - (hosts.length_m + stubs.length_m) / 2, 0
        ) <= {{ var('plan_bundle_gap_m') }}

),

placed as (

    select
        piece_id as project_id,
        pipe_id,
        bundle_position,
        0 as is_joined
    from hosts

    union all

    select
        neighbours.piece_id as project_id,
        stubs.pipe_id,
        stubs.bundle_position,
        1 as is_joined
    from stubs
    inner join neighbours
        on stubs.pipe_id = neighbours.pipe_id
    where neighbours.nearness = 1

),

final as (

    select
        -- keys
        project_id,
        pipe_id,

        -- order of the mains along the street, then the stubs that go with them
        cast(
            row_number() over (
                partition by project_id
                order by is_joined, {{ along }}
            ) as integer
        ) as position_in_project
    from placed

)

select * from final
