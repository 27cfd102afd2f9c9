-- One row a delivered area: the utility contract, trimmed.
with areas as (

    select * from {{ source('utility', 'areas') }}

),

final as (

    select
        -- keys
        'areas' as source_name,
        _load_id as load_id,
        _row_number as row_number,
        trim(area_id) as area_id,

        -- facts
        coalesce(nullif(trim(area_name), ''), trim(area_id)) as area_name,
        nullif(trim(region_name), '') as region_name,
        mains_km,

        -- dates
        _loaded_at as loaded_at
    from areas

)

select * from final
