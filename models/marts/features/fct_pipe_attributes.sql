-- One row per main, attribute and period in which its value holds: what a mapping delivers besides
-- the contract's columns. Snapshots see the value of their day. Empty where no mapping names an
-- attribute.
with attributes as (

    select * from {{ ref('stg_utility__pipe_attributes') }}

),

loads as (

    select * from {{ ref('stg_loads__loads') }}
    where source_name = 'pipes'

),

deliveries as (

    select * from {{ ref('int_loads__deliveries') }}
    where table_name = 'pipes'

),

mains as (

    select * from {{ ref('int_pipes__conformed') }}

),

-- They come with the mains of the same file and mapping, row by row. Those are read from a table:
-- Postgres followed every identifier again for each row of the view under it.
delivered as (

    select
        coalesce(mains.pipe_id, attributes.pipe_id) as pipe_id,
        attributes.attribute,
        attributes.number,
        attributes.category,
        attributes.number_before,
        attributes.category_before,
        attributes.unit,
        attributes.valid_from,
        attributes.row_number,
        deliveries.delivery_number
    from attributes
    inner join loads
        on attributes.load_id = loads.load_id
    inner join deliveries
        on
            loads.file_sha256 = deliveries.file_sha256
            and coalesce(loads.mapping_sha256, '') = coalesce(deliveries.mapping_sha256, '')
    left join mains
        on
            deliveries.load_id = mains.load_id
            and attributes.row_number = mains.row_number
    -- The same file with another mapping replaces what the earlier mapping took from it.
    where not deliveries.is_read_again

),

valued as (

    select
        pipe_id,
        attribute,
        number,
        category,
        unit,
        valid_from,
        delivery_number,
        row_number
    from delivered

    union all

    select
        pipe_id,
        attribute,
        number_before as number,
        category_before as category,
        unit,
        cast(null as date) as valid_from,
        delivery_number,
        row_number
    from delivered
    where
        valid_from is not null
        and (number_before is not null or category_before is not null)

),

-- The newest delivery of the same day wins.
versions as (

    select
        valued.*,
        row_number() over (
            partition by pipe_id, attribute, valid_from
            order by delivery_number desc, row_number asc
        ) as version
    from valued

),

final as (

    select
        -- keys
        pipe_id,
        attribute,

        -- facts
        number,
        category,
        unit,

        -- dates
        valid_from,
        lead(valid_from) over (
            partition by pipe_id, attribute
            order by valid_from nulls first
        ) as valid_until
    from versions
    where version = 1

)

select * from final
