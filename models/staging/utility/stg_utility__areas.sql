-- One row per delivered area: the utility contract, trimmed.
with areas as (

    select * from {{ source('utility', 'areas') }}

),

final as (

    select
        -- keys
        'areas' as source_name,
        _load_id as load_id,
        _row_number as row_number,
        {{ blank_to_null('area_id') }} as area_id,

        -- facts
        coalesce({{ blank_to_null('area_name') }}, {{ blank_to_null('area_id') }}) as area_name,
        {{ blank_to_null('region_name') }} as region_name,
        mains_km,

        -- dates
        _loaded_at as loaded_at
    from areas

)

select * from final
