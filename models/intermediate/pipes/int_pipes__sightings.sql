-- One row per delivered row of an inventory: which main it shows if its identifier has had several,
-- whether it is the newest of that main, and since and until when the main was there. An identifier
-- that comes back, or whose material and install year both change, is a new main.
with utility_pipes as (

    select * from {{ ref('stg_utility__pipes') }}

),

trunk_lines as (

    select * from {{ ref('stg_ladwp__trunk_lines') }}

),

main_lines as (

    select * from {{ ref('stg_ladwp__main_lines') }}

),

quarantine as (

    select * from {{ ref('stg_loads__quarantine') }}
    where source_name = 'pipes' and mended_at is null and row_key is not null

),

deliveries as (

    select * from {{ ref('int_loads__deliveries') }}

),

materials as (

    select * from {{ ref('materials') }}

),

ladwp_inventory as (

    select
        load_id,
        row_number,
        pipe_id
    from trunk_lines

    union all

    select
        load_id,
        row_number,
        pipe_id
    from main_lines

),

-- A row that was set aside at load has no values to show, but its main is still there.
listed as (

    select
        load_id,
        row_number,
        pipe_id,
        material,
        installed_on,
        cast(extract(year from installed_on) as integer) as install_year,
        cast(false as boolean) as is_set_aside
    from utility_pipes

    union all

    select
        load_id,
        row_number,
        pipe_id,
        cast(null as text) as material,
        cast(null as date) as installed_on,
        cast(null as integer) as install_year,
        cast(false as boolean) as is_set_aside
    from ladwp_inventory

    union all

    select
        load_id,
        row_number,
        row_key as pipe_id,
        cast(null as text) as material,
        cast(null as date) as installed_on,
        cast(null as integer) as install_year,
        cast(true as boolean) as is_set_aside
    from quarantine
    group by 1, 2, 3

),

numbered as (

    select
        listed.load_id,
        listed.row_number,
        listed.pipe_id,
        coalesce(materials.material_code, listed.material) as material,
        listed.installed_on,
        listed.install_year,
        listed.is_set_aside,
        coalesce(deliveries.part, '') as part,
        coalesce(deliveries.delivery_number, 0) as delivery_number,
        deliveries.delivered_on,
        deliveries.next_full_number,
        deliveries.next_full_on,
        coalesce(deliveries.is_read_again, false) as is_read_again,
        row_number() over (
            partition by listed.pipe_id, listed.load_id
            order by listed.is_set_aside, listed.row_number
        ) > 1 as is_repeated
    from listed
    left join deliveries
        on listed.load_id = deliveries.load_id
    left join materials
        on listed.material = materials.material_synonym

),

sighted as (

    select
        numbered.*,
        pipe_id is not null and not is_repeated and not is_read_again as is_sighting
    from numbered

),

followed as (

    select
        sighted.*,
        lag(delivery_number) over by_identifier is null as is_first,
        coalesce(
            lag(next_full_number) over by_identifier < delivery_number
            and (
                lag(part) over by_identifier = part
                or lag(next_full_on) over by_identifier < delivered_on
            ),
            false
        ) as is_back,
        coalesce(
            lag(material) over by_identifier <> material
            and lag(install_year) over by_identifier <> install_year,
            false
        ) as is_another,
        coalesce(lag(installed_on) over by_identifier < installed_on, false) as is_laid_later
    from sighted
    window by_identifier as (partition by pipe_id, is_sighting order by delivery_number)

),

begun as (

    select
        followed.*,
        case when is_first or is_back or is_another then 1 else 0 end as new_main,
        case
            when is_back then delivered_on
            when is_another and is_laid_later then installed_on
            when is_another then delivered_on
        end as begins_on
    from followed

),

generations as (

    select
        begun.*,
        sum(new_main) over (
            partition by pipe_id, is_sighting order by delivery_number
            rows between unbounded preceding and current row
        ) as generation,
        sum(new_main) over (partition by pipe_id, is_sighting) as generation_count,
        lead(new_main) over by_identifier as next_new_main,
        lead(is_back) over by_identifier as is_next_back,
        lead(begins_on) over by_identifier as next_begins_on
    from begun
    window by_identifier as (partition by pipe_id, is_sighting order by delivery_number)

),

ended as (

    select
        generations.*,
        case
            when next_new_main is null or is_next_back then next_full_on
            when next_new_main = 1 then next_begins_on
        end as ends_on,
        case when next_new_main = 1 then next_begins_on end as successor_begins_on
    from generations

),

-- What only the first or the last sighting of a main tells, on all of them.
spread as (

    select
        ended.*,
        row_number() over (
            partition by pipe_id, is_sighting, generation
            order by is_set_aside, delivery_number desc
        ) = 1 as is_newest,
        max(case when new_main = 1 then begins_on end) over by_main as in_service_from,
        max(ends_on) over by_main as left_on,
        max(successor_begins_on) over by_main as succeeded_on
    from ended
    window by_main as (partition by pipe_id, is_sighting, generation)

),

final as (

    select
        -- keys
        load_id,
        row_number,
        case
            when is_sighting and generation < generation_count
                then pipe_id || '~' || cast(generation as text)
            else pipe_id
        end as pipe_id,
        pipe_id as recorded_pipe_id,

        -- flags
        is_read_again,
        is_repeated,
        is_sighting and is_newest as is_newest,

        -- dates
        case when is_sighting then in_service_from end as in_service_from,
        case when is_sighting then left_on end as left_on,
        case when is_sighting then succeeded_on end as succeeded_on
    from spread
    where not is_set_aside

)

select * from final
