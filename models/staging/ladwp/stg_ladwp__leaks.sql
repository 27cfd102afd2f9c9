-- Grain: one row per leak as delivered (load_id, row_number); a few leak_id repeat and are kept.
-- The crews' record has mistakes in years, dates and materials, which are flagged here once rather
-- than in every feature.
with

leaks as (

    select * from {{ source('ladwp', 'ladwp_leaks') }}

),

typed as (

    select
        _load_id as load_id,
        _row_number as row_number,
        _loaded_at as loaded_at,
        {{ blank_to_null('leak_id') }} as leak_id,
        {{ blank_to_null('plr_inst') }} as installation_id,
        {{ blank_to_null('rpt_date') }} as reported_on_text,
        {{ try_date('rpt_date', 'd-mon-yy') }} as reported_on,
        replace(upper({{ blank_to_null('pipe_type') }}), '.', '') as material_text,
        -- 254 / 10 keeps whole inches exact, 6 in = 152.4 mm
        {{ try_number('pipe_size') }} * 254 / 10 as diameter_mm,
        {{ blank_to_null('yr_inst') }} as install_year_text,
        {{ try_number('yr_inst') }} as install_year_delivered,
        replace(lower(split_part(leak_type, ',', 1)), '.', '') as failure_text,
        {{ blank_to_null('soil_type') }} as soil_note,
        {{ blank_to_null('wsm_nbr') }} as map_sheet,
        replace(upper({{ blank_to_null('address') }}), '.', '') as address,
        replace(upper({{ blank_to_null('main_st') }}), '.', '') as main_street,
        {{ try_number('lon') }} as longitude,
        {{ try_number('lat') }} as latitude
    from leaks

),

neighbors as (

    select
        *,
        lag(reported_on) over by_day as previous_reported_on,
        lead(reported_on) over by_day as next_reported_on
    from typed
    window by_day as (partition by load_id order by reported_on asc nulls last, row_number asc)

),

checked as (

    select
        *,
        -- The department reports a leak every few days: a last one more than a year behind the leak
        -- before it carries a wrong year.
        coalesce(
            next_reported_on is null
            and reported_on > {{ dbt.dateadd('year', 1, 'previous_reported_on') }},
            false
        ) as is_date_corrected,
        -- Years to go back to the last such day not after the leak before it.
        cast(extract(year from reported_on) - extract(year from previous_reported_on) as integer)
        + case
            when
                extract(month from reported_on) * 100 + extract(day from reported_on)
                > extract(month from previous_reported_on) * 100
                + extract(day from previous_reported_on)
                then 1
            else 0
        end as years_too_late,
        -- Not a material: the name of a failure or a fitting, or not a word.
        coalesce(
            material_text like '%RUPTURE%'
            or material_text like '%GASKET%'
            or material_text like '%CORP%'
            or material_text like '%BLOW%OFF%'
            or material_text in ('B/O', 'RIBBOUT')
            or upper(material_text) = lower(material_text),
            false
        ) as is_material_slip,
        -- Los Angeles County with its islands
        coalesce(
            longitude between -119.0 and -117.6 and latitude between 32.7 and 34.9, false
        ) as has_location
    from neighbors

),

dated as (

    select
        *,
        case
            when is_date_corrected
                then cast({{ dbt.dateadd('year', '-years_too_late', 'reported_on') }} as date)
            else reported_on
        end as broke_on
    from checked

),

aged as (

    select
        *,
        case
            when
                install_year_delivered
                between 1850 and extract(year from coalesce(broke_on, loaded_at))
                then cast(floor(install_year_delivered) as integer)
        end as install_year
    from dated

),

final as (

    select
        -- keys
        cast('ladwp_leaks' as text) as source_name,
        load_id,
        row_number,
        leak_id,
        installation_id,

        -- dates
        broke_on,
        reported_on_text,
        is_date_corrected,

        -- facts
        case when not is_material_slip then {{ code_key('material_text') }} end as material,
        is_material_slip,
        diameter_mm,
        install_year,
        install_year_text is not null and install_year is null as is_install_year_suspect,
        case
            when upper(failure_text) <> lower(failure_text)
                then trim(both '_' from regexp_replace(failure_text, '[^a-z0-9]+', '_', 'g'))
        end as failure_mode,
        soil_note,
        map_sheet,
        -- the address without its house number; else the position on the main's street without
        -- its offset
        coalesce(
            nullif(
                regexp_replace(
                    address, '^[0-9]+[A-Z]?( *[-/&] *[0-9]+)*( +1/2)?( +|$)', ''
                ),
                ''
            ),
            nullif(
                regexp_replace(
                    main_street, '^[0-9]+[^A-Z0-9 ]? *[NSEW][NSEWCLP/]* +((LP|CL) +)?', ''
                ),
                ''
            )
        ) as street_name,
        case when has_location then longitude end as longitude,
        case when has_location then latitude end as latitude,
        has_location,

        -- load
        loaded_at
    from aged

)

select * from final
