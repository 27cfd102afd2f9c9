-- One row per area with mains and month of the record: the length of mains in service on its first
-- day. Mains without an area are in the area unknown.
with pipes as (

    select
        coalesce(area_id, 'unknown') as area_id,
        greatest(installed_on, in_service_from) as in_service_from,
        decommissioned_on,
        cast(length_m as numeric(18, 3)) as length_m
    from {{ ref('dim_pipes') }}
    where is_modelled

),

months as (

    select * from {{ ref('int_dates__months') }}

),

first_month as (

    select min(month_on) as month_on from months

),

-- Each main adds its length in the month after it was laid, and subtracts it after it was taken out
-- of service.
length_changes as (

    select
        area_id,
        case
            when in_service_from is null then cast(null as date)
            else {{ add_months(month_start('in_service_from'), 1) }}
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
        sum(length_changes.length_m) as length_change_m
    from length_changes
    cross join first_month
    group by 1, 2

),

areas as (

    select area_id from monthly_changes
    group by 1

),

final as (

    select
        areas.area_id,
        months.month_on,
        sum(coalesce(monthly_changes.length_change_m, 0)) over (
            partition by areas.area_id
            order by months.month_on
            rows between unbounded preceding and current row
        ) / 1000 as mains_km
    from areas
    cross join months
    left join monthly_changes
        on
            areas.area_id = monthly_changes.area_id
            and months.month_on = monthly_changes.month_on

)

select * from final
