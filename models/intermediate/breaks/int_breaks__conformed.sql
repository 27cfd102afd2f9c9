-- One row per delivered break or leak of any source, with the reason where it is set aside.
with utility_breaks as (

    select * from {{ ref('stg_utility__breaks') }}

),

ladwp_leaks as (

    select * from {{ ref('stg_ladwp__leaks') }}

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

-- The newest delivery of a record is used; within one delivery, the first row of a repeated id.
versions as (

    select
        unioned.*,
        row_number() over (
            partition by source_name, break_id
            order by {{ newest_first() }}
        ) as version,
        first_value(load_id) over (
            partition by source_name, break_id
            order by {{ newest_first() }}
        ) as newest_load_id
    from unioned

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
            when version > 1 and load_id = newest_load_id then 'repeated_id'
            when version > 1 then 'superseded_by_later_delivery'
            when broke_on is null then 'no_date'
            when is_cancelled then 'cancelled'
            when is_not_a_main then 'not_a_main'
            when broke_on > cast(loaded_at as date) then 'in_the_future'
            when broke_on < cast('1850-01-01' as date) then 'before_any_main'
        end as exclusion_reason,

        -- dates
        broke_on,
        loaded_at
    from versions

)

select * from final
