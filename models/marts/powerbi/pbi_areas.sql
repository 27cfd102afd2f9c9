-- One row per area, and one for what lies in no known area, so that no break or main is lost if a
-- report groups by area.
with areas as (

    select * from {{ ref('dim_areas') }}

),

members as (

    select area_id from areas
    union
    select 'unknown' as area_id

),

described as (

    select
        areas.*,
        members.area_id as member_id,
        coalesce(areas.area_name, 'Unknown') as shown_name,
        coalesce(nullif(areas.region_name, 'unknown'), 'Unknown') as shown_region
    from members
    left join areas
        on members.area_id = areas.area_id

)

{{ select_declared('described', {
    'area_id': 'member_id',
    'area_name': 'shown_name',
    'region_name': 'shown_region',
}) }}
