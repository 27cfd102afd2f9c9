-- One row per break that counts: every break of every source that was not set aside for a reason.
with breaks as (

    select * from {{ ref('int_breaks__linked') }}

),

materials as (

    select * from {{ ref('materials') }}

),

origin as (

    select * from {{ ref('int_breaks__origin') }}

),

period as (

    select * from {{ ref('int_dates__record_period') }}

),

dated as (

    select
        breaks.*,
        count(*) over (partition by source_name, broke_on) as same_day_count,
        count(*) over (partition by source_name) as source_count
    from breaks

),

final as (

    select
        -- keys
        dated.break_key,
        dated.source_name,
        dated.break_id,
        dated.pipe_id,
        dated.recorded_pipe_id,
        dated.installation_id,
        dated.area_id,

        -- facts
        case
            when dated.material is null then 'UNK'
            else coalesce(materials.material_code, 'OTH')
        end as material_code,
        case
            when dated.material is null then 'unknown'
            else coalesce(materials.material_group, 'other')
        end as material_group,
        dated.diameter_mm,
        dated.install_year,
        dated.failure_mode,
        dated.cause,
        dated.street_name,
        dated.longitude,
        dated.latitude,
        {{ metres_east('dated.longitude', 'origin') }} as x_m,
        {{ metres_north('dated.latitude', 'origin') }} as y_m,

        -- flags
        dated.link_status,
        dated.broke_on >= period.observed_from and dated.broke_on < period.observed_until
            as is_in_record,
        -- A day with more than one percent of the whole record was entered in bulk; the breaks did
        -- not all happen on it.
        dated.same_day_count >= 30 and dated.same_day_count > dated.source_count * 0.01
            as is_date_suspect,
        dated.is_date_corrected,

        -- dates
        dated.broke_on,
        {{ month_start('dated.broke_on') }} as month_on
    from dated
    cross join origin
    cross join period
    left join materials
        on dated.material = {{ code_key('materials.material_synonym') }}

)

select * from final
