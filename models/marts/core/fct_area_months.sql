-- One row an area and month of the record, with its breaks and the mains exposed to them; the
-- month after the record is there without a count.
with areas as (

    select * from {{ ref('dim_areas') }}

),

pipes as (

    select * from {{ ref('dim_pipes') }}
    where is_modelled and area_id is not null

),

breaks as (

    select * from {{ ref('fct_breaks') }}
    where is_in_record and area_id is not null

),

months as (

    select * from {{ ref('int_dates__months') }}

),

first_month as (

    select min(month_on) as month_on from months

),

-- Mains come and go: each adds its length in the month after it was laid and takes it away after
-- it was taken out.
length_changes as (

    select
        area_id,
        case
            when installed_on is null then cast(null as date)
            else {{ add_months(month_start('installed_on'), 1) }}
        end as changed_on,
        length_m
    from pipes

    union all

    select
        area_id,
        {{ add_months(month_start('decommissioned_on'), 1) }} as changed_on,
        -1 * length_m as length_m
    from pipes
    where decommissioned_on is not null

),

monthly_changes as (

    select
        length_changes.area_id,
        greatest(
            coalesce(length_changes.changed_on, first_month.month_on), first_month.month_on
        ) as month_on,
        sum(cast(length_changes.length_m as numeric(18, 3))) as length_change_m
    from length_changes
    cross join first_month
    group by 1, 2

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
        sum(coalesce(monthly_changes.length_change_m, 0)) over (
            partition by spine.area_id
            order by spine.month_on
            rows between unbounded preceding and current row
        ) / 1000 as mains_km
    from spine
    left join monthly_breaks
        on
            spine.area_id = monthly_breaks.area_id
            and spine.month_on = monthly_breaks.month_on
    left join monthly_changes
        on
            spine.area_id = monthly_changes.area_id
            and spine.month_on = monthly_changes.month_on

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
