-- One row a soil map unit with the mains that lie in it, for Power BI.
with soils as (

    select * from {{ ref('dim_soils') }}

),

pipes as (

    select
        soil_id,
        count(*) as pipe_count,
        sum(cast(length_m as numeric(18, 3))) / 1000 as mains_km
    from {{ ref('dim_pipes') }}
    where decommissioned_on is null
    group by 1

),

final as (

    select
        soils.soil_id,
        soils.soil_name,
        soils.resistivity_ohm_cm,
        soils.ph,
        soils.soil_corrosivity_code,
        soils.concrete_corrosivity_code,
        soils.shrink_swell,
        soils.drainage_class,
        cast(coalesce(pipes.pipe_count, 0) as integer) as pipe_count,
        cast(coalesce(pipes.mains_km, 0) as double precision) as mains_km
    from soils
    left join pipes
        on soils.soil_id = pipes.soil_id

)

select * from final
