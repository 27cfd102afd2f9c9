-- One row per counted break: the main and the area it belongs to. Identifiers outlive the main: the
-- break belongs to the main that had its identifier on its day. Where only a later main of that
-- identifier is known, laid after the break, the link is removed, not the break.
with breaks as (

    select * from {{ ref('int_breaks__conformed') }}
    where exclusion_reason is null

),

-- Days without a beginning or an end are filled in here: an expression over both sides of a join
-- would be tried on every pair.
pipes as (

    select
        *,
        coalesce(in_service_from, cast('0001-01-01' as date)) as identified_from,
        coalesce(succeeded_on, cast('9999-12-31' as date)) as identified_until
    from {{ ref('int_pipes__conformed') }}
    where exclusion_reason is null

),

nearest as (

    select * from {{ ref('stg_links__break_pipes') }}

),

point_areas as (

    select * from {{ ref('stg_links__point_areas') }}

),

areas as (

    select * from {{ ref('int_areas__conformed') }}
    where exclusion_reason is null

),

candidates as (

    select
        breaks.*,
        coalesce(breaks.pipe_id, nearest.pipe_id) as candidate_pipe_id,
        nearest.distance_m,
        coalesce(named_areas.area_id, areas.area_id) as found_area_id
    from breaks
    left join nearest
        on
            breaks.load_id = nearest.load_id
            and breaks.row_number = nearest.row_number
    left join point_areas
        on
            breaks.source_name = point_areas.source_name
            and breaks.load_id = point_areas.load_id
            and breaks.row_number = point_areas.row_number
    -- An area that the utility names and nobody knows gives way to the one that holds the point.
    left join areas as named_areas
        on breaks.area_id = named_areas.area_id
    left join areas
        on point_areas.area_id = areas.area_id

),

judged as (

    select
        candidates.*,
        pipes.pipe_id as known_pipe_id,
        pipes.material as pipe_material,
        pipes.diameter_mm as pipe_diameter_mm,
        pipes.installed_on as pipe_installed_on,
        case
            when candidates.candidate_pipe_id is null then 'no_pipe'
            when pipes.pipe_id is null then 'unknown_pipe'
            when pipes.installed_on > candidates.broke_on then 'predates_install'
            when pipes.decommissioned_on < candidates.broke_on then 'after_decommissioning'
            when candidates.pipe_id is null then 'nearest'
            else 'recorded'
        end as link_status
    from candidates
    -- One main at most: each has the identifier until the next one has it.
    left join pipes
        on
            candidates.candidate_pipe_id = pipes.recorded_pipe_id
            and candidates.broke_on >= pipes.identified_from
            and candidates.broke_on < pipes.identified_until

),

linked as (

    select
        judged.*,
        case when link_status in ('recorded', 'nearest') then known_pipe_id end
            as linked_pipe_id
    from judged

),

final as (

    select
        -- keys
        break_key,
        source_name,
        load_id,
        row_number,
        break_id,
        linked_pipe_id as pipe_id,
        pipe_id as recorded_pipe_id,
        installation_id,
        found_area_id as area_id,

        -- facts
        failure_mode,
        cause,
        case when linked_pipe_id is null then material else coalesce(material, pipe_material) end
            as material,
        case
            when linked_pipe_id is null then diameter_mm
            else coalesce(diameter_mm, pipe_diameter_mm)
        end as diameter_mm,
        case
            when linked_pipe_id is null then install_year
            else coalesce(install_year, cast(extract(year from pipe_installed_on) as integer))
        end as install_year,
        street_name,
        longitude,
        latitude,
        distance_m,

        -- flags
        link_status,
        is_date_corrected,

        -- dates
        broke_on
    from linked

)

select * from final
