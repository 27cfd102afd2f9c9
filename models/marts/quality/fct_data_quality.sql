-- A view, so that it shows the results of the build that made it.
{{ config(materialized='view', post_hook=[]) }}

-- One row per rule: the newest result of each check, and what each load set aside by rule.
with check_results as (

    select * from {{ ref('stg_quality__check_results') }}

),

quarantine as (

    select * from {{ ref('stg_loads__quarantine') }}
    where mended_at is null

),

loads as (

    select * from {{ ref('stg_loads__loads') }}

),

versions as (

    select
        check_results.*,
        row_number() over (
            partition by checked_by, check_name
            order by checked_at desc, {{ byte_order('invocation_id') }} asc
        ) as version
    from check_results

),

set_aside as (

    select
        load_id,
        rule,
        column_name,
        min(reason) as reason,
        count(distinct row_number) as failures,
        max(quarantined_at) as checked_at
    from quarantine
    group by 1, 2, 3

),

unioned as (

    select
        checked_by || ' ' || check_name as check_key,
        checked_by,
        table_schema,
        table_name,
        rule,
        severity,
        status,
        failures,
        row_count,
        message,
        checked_at
    from versions
    where version = 1

    union all

    select
        'load ' || set_aside.load_id || ' ' || set_aside.rule || ' ' || set_aside.column_name
            as check_key,
        'load' as checked_by,
        'raw' as table_schema,
        loads.table_name,
        trim(set_aside.rule || ' ' || set_aside.column_name) as rule,
        'error' as severity,
        'quarantined' as status,
        set_aside.failures,
        loads.rows_in_file as row_count,
        set_aside.reason || ' (' || loads.source_file || ')' as message,
        set_aside.checked_at
    from set_aside
    inner join loads
        on set_aside.load_id = loads.load_id

),

final as (

    select
        -- keys
        check_key,
        checked_by,
        table_schema,
        table_name,
        rule,

        -- facts
        severity,
        status,
        cast(failures as bigint) as failures,
        cast(row_count as bigint) as row_count,
        cast(failures as double precision) / nullif(row_count, 0) as failure_share,
        message,

        -- dates
        cast(checked_at as timestamp) as checked_at
    from unioned

)

select * from final
