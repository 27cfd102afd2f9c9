-- Grain: one row per neighborhood as delivered (load_id, row_number).
-- The map covers the whole county; the flag says where the department's mains can lie.
with

neighborhoods as (

    select * from {{ source('la_city', 'la_neighborhoods') }}

),

typed as (

    select
        _load_id as load_id,
        _row_number as row_number,
        _loaded_at as loaded_at,
        -- the provider's slug is its external_id with the name of the collection behind it
        regexp_replace({{ blank_to_null('slug') }}, '-la-county-neighborhood-v6$', '') as area_id,
        {{ blank_to_null('name') }} as area_name,
        {{ blank_to_null('region') }} as region_name,
        {{ blank_to_null('city') }} as city_name,
        {{ blank_to_null('geometry_wkt') }} as geometry_wkt
    from neighborhoods

),

final as (

    select
        -- keys
        cast('la_neighborhoods' as text) as source_name,
        load_id,
        row_number,
        area_id,

        -- facts
        area_name,
        region_name,
        city_name,
        coalesce(replace(lower(city_name), ' ', '-') = 'los-angeles', false) as is_in_city,
        geometry_wkt,

        -- load
        loaded_at
    from typed

)

select * from final
