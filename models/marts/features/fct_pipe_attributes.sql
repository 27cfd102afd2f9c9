-- One row per main, attribute and period in which its value holds: what a mapping delivers besides
-- the contract's columns. Snapshots see the value of their day. Empty where no mapping names an
-- attribute.
with attributes as (

    select * from {{ ref('stg_utility__pipe_attributes') }}

),

loads as (

    select * from {{ ref('stg_loads__loads') }}

),

-- The same file with another mapping replaces what the earlier mapping took from it.
newest_readings as (

    select
        load_id,
        first_value(mapping_sha256) over (
            partition by file_sha256
            order by loaded_at desc, {{ byte_order('load_id') }}
        ) as newest_mapping_sha256,
        mapping_sha256
    from loads
    where source_name = 'pipes'

),

delivered as (

    select attributes.*
    from attributes
    inner join newest_readings
        on attributes.load_id = newest_readings.load_id
    where newest_readings.mapping_sha256 = newest_readings.newest_mapping_sha256

),

valued as (

    select
        pipe_id,
        attribute,
        number,
        category,
        unit,
        valid_from,
        loaded_at,
        load_id,
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
        loaded_at,
        load_id,
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
            order by {{ newest_first() }}
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
