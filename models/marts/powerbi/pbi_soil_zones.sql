-- One row per soil map unit with the mains that lie in it, and one for soil that is not known, so
-- that no main is lost when a report groups by soil.
with soils as (

    select * from {{ ref('dim_soils') }}

),

pipes as (

    select
        coalesce(soil_id, 'unknown') as soil_id,
        count(*) as pipe_count,
        sum(cast(length_m as numeric(18, 6))) as length_m
    from {{ ref('dim_pipes') }}
    where is_in_service
    group by 1

),

members as (

    select soil_id from soils
    union
    select 'unknown' as soil_id

),

members_described as (

    select
        soils.*,
        members.soil_id as member_id,
        coalesce(soils.soil_corrosivity_code, 'unknown') as steel_code,
        coalesce(soils.concrete_corrosivity_code, 'unknown') as concrete_code,
        coalesce(soils.shrink_swell, 'unknown') as shrink_swell_code,
        coalesce(pipes.pipe_count, 0) as known_pipe_count,
        coalesce(pipes.length_m, 0) as length_m
    from members
    left join soils
        on members.soil_id = soils.soil_id
    left join pipes
        on members.soil_id = pipes.soil_id

),

described as (

    select
        *,
        coalesce(soil_name, 'Unknown') as shown_name,
        {{ code_name('corrosivity', 'steel_code') }} as soil_corrosivity_name,
        {{ code_sort('corrosivity', 'steel_code') }} as soil_corrosivity_sort,
        {{ code_name('corrosivity', 'concrete_code') }} as concrete_corrosivity_name,
        {{ code_sort('corrosivity', 'concrete_code') }} as concrete_corrosivity_sort,
        {{ code_name('shrink_swell', 'shrink_swell_code') }} as shrink_swell_name,
        {{ code_sort('shrink_swell', 'shrink_swell_code') }} as shrink_swell_sort,
        coalesce(nullif(drainage_class, 'unknown'), 'Unknown') as shown_drainage_class,
        cast(known_pipe_count as integer) as pipe_count,
        cast(length_m / 1000 as double precision) as mains_km,
        {{ meters_to_miles('length_m') }} as mains_miles
    from members_described

)

{{ select_declared('described', {
    'soil_id': 'member_id',
    'soil_name': 'shown_name',
    'drainage_class': 'shown_drainage_class',
}) }}
