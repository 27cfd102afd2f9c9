-- One row per main, attribute and delivery, as the mapping of the delivery names it.
with pipe_attributes as (

    select * from {{ source('utility', 'pipe_attributes') }}

),

final as (

    select
        -- keys
        _load_id as load_id,
        _row_number as row_number,
        {{ blank_to_null('pipe_id') }} as pipe_id,
        attribute,

        -- facts
        number,
        {{ blank_to_null('category') }} as category,
        number_before,
        {{ blank_to_null('category_before') }} as category_before,
        unit,

        -- dates
        valid_from,
        _loaded_at as loaded_at
    from pipe_attributes

)

select * from final
