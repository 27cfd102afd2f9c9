-- One row a delivered break record: the utility contract, trimmed, with what is not a main break
-- flagged.
with breaks as (

    select * from {{ source('utility', 'breaks') }}

),

final as (

    select
        -- keys
        'breaks' as source_name,
        _load_id as load_id,
        _row_number as row_number,
        trim(break_id) as break_id,
        nullif(trim(pipe_id), '') as pipe_id,
        nullif(trim(installation_id), '') as installation_id,
        nullif(trim(area_id), '') as area_id,

        -- facts
        lower(trim(failure_mode)) as failure_mode,
        lower(trim(cause)) as cause,
        upper(trim(material)) as material,
        diameter_mm,
        case when install_year between 1850 and extract(year from broke_on) then install_year end
            as install_year,
        trim(street_name) as street_name,
        case when latitude between -90 and 90 then longitude end as longitude,
        case when longitude between -180 and 180 then latitude end as latitude,

        -- flags
        coalesce(lower(trim(asset_type)) not in ('main', 'water main', ''), false) as is_not_a_main,
        coalesce(lower(trim(status)) like 'cancel%', false) as is_cancelled,

        -- dates
        broke_on,
        _loaded_at as loaded_at
    from breaks

)

select * from final
