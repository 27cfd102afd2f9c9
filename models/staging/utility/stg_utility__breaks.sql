-- One row per delivered break record: the utility contract, trimmed, with what is not a main break
-- flagged.
with breaks as (

    select * from {{ source('utility', 'breaks') }}

),

kinds_of_main as (

    select {{ code_key('asset_type_synonym') }} as asset_key from {{ ref('asset_types') }}
    where asset_type = 'main'

),

final as (

    select
        -- keys
        'breaks' as source_name,
        _load_id as load_id,
        _row_number as row_number,
        {{ blank_to_null('break_id') }} as break_id,
        {{ blank_to_null('pipe_id') }} as pipe_id,
        {{ blank_to_null('installation_id') }} as installation_id,
        {{ blank_to_null('area_id') }} as area_id,

        -- facts
        lower({{ blank_to_null('failure_mode') }}) as failure_mode,
        lower({{ blank_to_null('cause') }}) as cause,
        {{ code_key(blank_to_null('material')) }} as material,
        diameter_mm,
        case when install_year between 1850 and extract(year from broke_on) then install_year end
            as install_year,
        {{ blank_to_null('street_name') }} as street_name,
        case when latitude between -90 and 90 then longitude end as longitude,
        case when longitude between -180 and 180 then latitude end as latitude,

        -- flags
        coalesce(
            {{ code_key(blank_to_null('asset_type')) }} not in (
                select kinds_of_main.asset_key from kinds_of_main
            ),
            false
        ) as is_not_a_main,
        coalesce(lower({{ blank_to_null('status') }}) like 'cancel%', false) as is_cancelled,

        -- dates
        broke_on,
        _loaded_at as loaded_at
    from breaks

)

select * from final
