-- One row per main and delivery that lists it: which main it is if its identifier has had several,
-- whether the row is the newest of that main, and since and until when the main was there. An
-- identifier that comes back, or whose material and install year both change, is a new main.
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

-- Few: a load refuses an identifier that repeats, but not one that differs in spaces.
repeated as (

    select
        load_id,
        pipe_id,
        coalesce(
            min(case when not is_set_aside then row_number end), min(row_number)
        ) as first_row_number
    from listed
    group by 1, 2
    having count(*) > 1

),

sighted as (

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
        deliveries.next_full_on
    from listed
    left join deliveries
        on listed.load_id = deliveries.load_id
    left join materials
        on listed.material = {{ code_key('materials.material_synonym') }}
    left join repeated
        on
            listed.load_id = repeated.load_id
            and listed.pipe_id = repeated.pipe_id
    where
        listed.pipe_id is not null
        and not coalesce(deliveries.is_read_again, false)
        and listed.row_number = coalesce(repeated.first_row_number, listed.row_number)

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
    window by_identifier as (partition by pipe_id order by delivery_number)

),

begun as (

    select
        followed.*,
        is_back or is_another as is_new_main,
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
        sum(case when is_first or is_new_main then 1 else 0 end) over by_identifier as generation,
        max(begins_on) over by_identifier as in_service_from,
        lead(is_new_main) over by_identifier as is_next_new,
        lead(is_back) over by_identifier as is_next_back,
        lead(begins_on) over by_identifier as next_begins_on
    from begun
    window by_identifier as (partition by pipe_id order by delivery_number)

),

ended as (

    select
        generations.*,
        case
            when is_next_new is null or is_next_back then next_full_on
            when is_next_new then greatest(next_begins_on, in_service_from)
        end as ends_on,
        case when is_next_new then greatest(next_begins_on, in_service_from) end as next_main_on
    from generations

),

-- What only the last sighting of a main tells, on the ones before, too: it may be set aside.
spread as (

    select
        ended.*,
        max(case when not is_set_aside then delivery_number end) over of_main
            as newest_delivery_number,
        max(ends_on) over of_main as left_on,
        max(next_main_on) over of_main as succeeded_on
    from ended
    window
        of_main as (
            partition by pipe_id, generation order by delivery_number
            rows between current row and unbounded following
        )

),

final as (

    select
        -- keys
        load_id,
        row_number,
        case
            when succeeded_on is null then pipe_id
            else pipe_id || '~' || cast(generation as text)
        end as pipe_id,
        pipe_id as recorded_pipe_id,

        -- flags
        delivery_number = newest_delivery_number as is_newest,

        -- dates
        in_service_from,
        left_on,
        succeeded_on
    from spread
    where not is_set_aside

)

select * from final
