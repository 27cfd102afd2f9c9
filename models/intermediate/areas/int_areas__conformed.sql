-- One row per delivered area of any source, with the reason where it is set aside.
with utility_areas as (

    select * from {{ ref('stg_utility__areas') }}

),

neighborhoods as (

    select * from {{ ref('stg_la_city__neighborhoods') }}

),

measures as (

    select * from {{ ref('stg_links__area_measures') }}

),

unioned as (

    select
        source_name,
        load_id,
        row_number,
        area_id,
        area_name,
        region_name,
        mains_km,
        cast(true as boolean) as is_in_city,
        loaded_at
    from utility_areas

    union all

    select
        source_name,
        load_id,
        row_number,
        area_id,
        area_name,
        region_name,
        cast(null as double precision) as mains_km,
        is_in_city,
        loaded_at
    from neighborhoods

),

-- The newest delivery of an area is used.
versions as (

    select
        unioned.*,
        row_number() over (
            partition by area_id
            order by {{ newest_first() }}
        ) as version
    from unioned

),

final as (

    select
        -- keys
        versions.source_name,
        versions.load_id,
        versions.row_number,
        versions.area_id,

        -- facts
        versions.area_name,
        versions.region_name,
        versions.mains_km,
        measures.area_km2,
        measures.outline_wkt,
        measures.longitude,
        measures.latitude,

        -- flags
        case
            when versions.area_id is null then 'no_id'
            when versions.version > 1 then 'superseded_by_later_delivery'
            when not versions.is_in_city then 'outside_the_city'
        end as exclusion_reason
    from versions
    left join measures
        on
            versions.source_name = measures.source_name
            and versions.load_id = measures.load_id
            and versions.row_number = measures.row_number

)

select * from final
