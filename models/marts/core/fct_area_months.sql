-- One row per area and month of the record, with its breaks and the mains exposed to them; the
-- month after the record is included, without a count.
with areas as (

    select * from {{ ref('dim_areas') }}

),

mains as (

    select * from {{ ref('int_pipes__area_months') }}

),

breaks as (

    select * from {{ ref('fct_breaks') }}
    where is_in_record and area_id is not null

),

months as (

    select * from {{ ref('int_dates__months') }}

),

monthly_breaks as (

    select
        area_id,
        month_on,
        count(*) as break_count
    from breaks
    group by 1, 2

),

spine as (

    select
        areas.area_id,
        areas.delivered_mains_km,
        areas.area_km2,
        months.month_on,
        months.is_complete
    from areas
    cross join months

),

measured as (

    select
        spine.*,
        coalesce(monthly_breaks.break_count, 0) as counted_breaks,
        coalesce(mains.mains_km, 0) as mains_km
    from spine
    left join monthly_breaks
        on
            spine.area_id = monthly_breaks.area_id
            and spine.month_on = monthly_breaks.month_on
    left join mains
        on
            spine.area_id = mains.area_id
            and spine.month_on = mains.month_on

),

final as (

    select
        -- keys
        area_id,
        month_on,

        -- facts
        cast(case when is_complete then counted_breaks end as integer) as break_count,
        cast(
            case
                when mains_km > 0 then mains_km
                when delivered_mains_km > 0 then delivered_mains_km
                else area_km2
            end as double precision
        ) as exposure,
        case
            when mains_km > 0 then 'mains_km'
            when delivered_mains_km > 0 then 'delivered_mains_km'
            else 'land_km2'
        end as exposure_basis,

        -- flags
        is_complete
    from measured
    where mains_km > 0 or delivered_mains_km > 0 or area_km2 > 0

)

select * from final
