-- One row per delivered break or leak of any source, with the reason where it is set aside. A break
-- that a newer full record lacks, within the period of that record, is withdrawn.
with utility_breaks as (

    select * from {{ ref('stg_utility__breaks') }}

),

ladwp_leaks as (

    select * from {{ ref('stg_ladwp__leaks') }}

),

deliveries as (

    select * from {{ ref('int_loads__deliveries') }}

),

-- Rows that were set aside at load: their break is still on record.
set_aside as (

    select
        load_id,
        row_key as break_id
    from {{ ref('stg_loads__quarantine') }}
    where source_name = 'breaks' and mended_at is null and row_key is not null
    group by 1, 2

),

unioned as (

    select
        source_name,
        load_id,
        row_number,
        break_id,
        pipe_id,
        installation_id,
        area_id,
        failure_mode,
        cause,
        material,
        diameter_mm,
        install_year,
        street_name,
        longitude,
        latitude,
        is_not_a_main,
        is_cancelled,
        cast(false as boolean) as is_date_corrected,
        broke_on,
        loaded_at
    from utility_breaks

    union all

    select
        source_name,
        load_id,
        row_number,
        leak_id as break_id,
        cast(null as text) as pipe_id,
        installation_id,
        cast(null as text) as area_id,
        failure_mode,
        cast(null as text) as cause,
        material,
        diameter_mm,
        install_year,
        street_name,
        longitude,
        latitude,
        cast(false as boolean) as is_not_a_main,
        cast(false as boolean) as is_cancelled,
        is_date_corrected,
        broke_on,
        loaded_at
    from ladwp_leaks

),

delivered as (

    select
        unioned.*,
        coalesce(deliveries.part, '') as part,
        coalesce(deliveries.delivery_number, 0) as delivery_number,
        coalesce(deliveries.is_read_again, false) as is_read_again
    from unioned
    left join deliveries
        on unioned.load_id = deliveries.load_id

),

-- The newest delivery of a record is used; within one delivery, the first row of a repeated id.
versions as (

    select
        delivered.*,
        row_number() over (
            partition by source_name, break_id, is_read_again
            order by delivery_number desc, row_number
        ) as version,
        first_value(load_id) over (
            partition by source_name, break_id, is_read_again
            order by delivery_number desc, row_number
        ) as newest_load_id
    from delivered

),

full_records as (

    select * from deliveries
    where table_name = 'breaks' and extent = 'full' and not is_read_again

),

withdrawn as (

    select
        versions.load_id,
        versions.row_number
    from versions
    inner join full_records
        on
            versions.source_name = full_records.source_name
            and versions.part = full_records.part
            and versions.delivery_number < full_records.delivery_number
            and versions.broke_on >= coalesce(full_records.record_from, versions.broke_on)
            and versions.broke_on <= coalesce(full_records.record_until, versions.broke_on)
    left join set_aside
        on
            full_records.load_id = set_aside.load_id
            and versions.break_id = set_aside.break_id
    where versions.version = 1 and set_aside.load_id is null
    group by 1, 2

),

judged as (

    select
        versions.*,
        withdrawn.load_id is not null as is_withdrawn
    from versions
    left join withdrawn
        on
            versions.load_id = withdrawn.load_id
            and versions.row_number = withdrawn.row_number

),

final as (

    select
        -- keys
        source_name || '-' || break_id as break_key,
        source_name,
        load_id,
        row_number,
        break_id,
        pipe_id,
        installation_id,
        area_id,

        -- facts
        failure_mode,
        cause,
        material,
        diameter_mm,
        install_year,
        street_name,
        longitude,
        latitude,

        -- flags
        is_date_corrected,
        case
            when break_id is null then 'no_id'
            when is_read_again then 'read_with_another_mapping'
            when version > 1 and load_id = newest_load_id then 'repeated_id'
            when version > 1 then 'superseded_by_later_delivery'
            when is_withdrawn then 'withdrawn'
            when broke_on is null then 'no_date'
            when is_cancelled then 'cancelled'
            when is_not_a_main then 'not_a_main'
            when broke_on > cast(loaded_at as date) then 'in_the_future'
            when broke_on < cast('1850-01-01' as date) then 'before_any_main'
        end as exclusion_reason,

        -- dates
        broke_on,
        loaded_at
    from judged

)

select * from final
