-- A main that has its identifier now is in service exactly if a delivery since the newest full one
-- of its part lists it, or the newest full one itself, also in a row that was set aside; and no
-- break counts that a newer full record lacks. Counted from the deliveries anew, without the steps
-- that the marts take.
with deliveries as (

    select * from {{ ref('int_loads__deliveries') }}
    where not is_read_again

),

dim_pipes as (

    select * from {{ ref('dim_pipes') }}

),

fct_breaks as (

    select * from {{ ref('fct_breaks') }}

),

set_aside as (

    select
        source_name,
        load_id,
        row_key
    from {{ ref('stg_loads__quarantine') }}
    where mended_at is null and row_key is not null

),

listed_mains as (

    select
        load_id,
        pipe_id
    from {{ ref('stg_utility__pipes') }}

    union all

    select
        load_id,
        row_key as pipe_id
    from set_aside
    where source_name = 'pipes'

),

newest_listing as (

    select
        listed_mains.pipe_id,
        max(deliveries.delivery_number) as delivery_number
    from listed_mains
    inner join deliveries
        on listed_mains.load_id = deliveries.load_id
    group by 1

),

mains as (

    select
        newest_listing.pipe_id,
        deliveries.next_full_number is not null as has_left
    from newest_listing
    inner join deliveries
        on newest_listing.delivery_number = deliveries.delivery_number

),

-- A main may also be delivered as decommissioned.
decommissioned as (

    select pipe_id
    from {{ ref('stg_utility__pipes') }}
    where decommissioned_on is not null
    group by 1

),

wrong_mains as (

    select dim_pipes.pipe_id
    from dim_pipes
    inner join mains
        on dim_pipes.pipe_id = mains.pipe_id
    left join decommissioned
        on dim_pipes.recorded_pipe_id = decommissioned.pipe_id
    where
        dim_pipes.pipe_id = dim_pipes.recorded_pipe_id
        and decommissioned.pipe_id is null
        and dim_pipes.is_in_service = mains.has_left

),

listed_breaks as (

    select
        load_id,
        break_id
    from {{ ref('stg_utility__breaks') }}

    union all

    select
        load_id,
        row_key as break_id
    from set_aside
    where source_name = 'breaks'

),

newest_record as (

    select max(delivery_number) as delivery_number
    from deliveries
    where
        table_name = 'breaks'
        and extent = 'full'
        and part = ''
        and record_from is null
        and record_until is null

),

breaks_since as (

    select listed_breaks.break_id
    from listed_breaks
    inner join deliveries
        on listed_breaks.load_id = deliveries.load_id
    cross join newest_record
    where
        deliveries.delivery_number >= newest_record.delivery_number
        or deliveries.part <> ''
        or newest_record.delivery_number is null
    group by 1

),

wrong_breaks as (

    select fct_breaks.break_id
    from fct_breaks
    left join breaks_since
        on fct_breaks.break_id = breaks_since.break_id
    where fct_breaks.source_name = 'breaks' and breaks_since.break_id is null

)

select
    'main' as entity,
    pipe_id as entity_id
from wrong_mains

union all

select
    'break' as entity,
    break_id as entity_id
from wrong_breaks
