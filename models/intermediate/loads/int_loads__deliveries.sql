-- One row per load, in the order in which things were true: where it stands among the deliveries of
-- its table, and the next full one of the same part, which retires what it lacks.
with loads as (

    select * from {{ ref('stg_loads__loads') }}
    where table_name <> 'pipe_attributes'  -- they come with mains, a load each

),

-- Read with another mapping, a file replaces its own earlier reading.
readings as (

    select
        loads.*,
        row_number() over (
            order by delivered_at, loaded_at, {{ byte_order('load_id') }} desc
        ) as delivery_number,
        row_number() over (
            partition by table_name, file_sha256
            order by loaded_at desc, {{ byte_order('load_id') }}
        ) > 1 as is_read_again
    from loads

),

replacing as (

    select
        readings.*,
        case when extent = 'full' and not is_read_again then delivery_number end as full_number,
        case when extent = 'full' and not is_read_again then delivered_at end as full_at
    from readings

),

final as (

    select
        -- keys
        load_id,
        source_name,
        table_name,
        part,
        file_sha256,
        mapping_sha256,

        -- facts
        extent,
        cast(delivery_number as integer) as delivery_number,
        cast(min(full_number) over later as integer) as next_full_number,

        -- flags
        is_read_again,

        -- dates
        cast(delivered_at as date) as delivered_on,
        cast(min(full_at) over later as date) as next_full_on,
        record_from,
        record_until
    from replacing
    window
        later as (
            partition by table_name, part order by delivery_number
            rows between 1 following and unbounded following
        )

)

select * from final
