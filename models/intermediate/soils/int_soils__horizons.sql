-- One row per delivered soil horizon, with the reason if it does not represent its component. Mains
-- lie at a depth of about a meter, so the horizon at that depth does.
with horizons as (

    select * from {{ ref('stg_ssurgo__horizons') }}

),

ranked as (

    select
        horizons.*,
        row_number() over (
            partition by component_id, coalesce(depth_top_cm <= 100, false)
            order by depth_top_cm desc nulls last, {{ byte_order('horizon_id') }} asc
        ) as closeness
    from horizons

),

final as (

    select
        -- keys
        source_name,
        load_id,
        row_number,
        horizon_id,
        component_id,

        -- facts
        ph,
        linear_extensibility_percent,

        -- flags
        case
            when component_id is null then 'no_component'
            when not coalesce(depth_top_cm <= 100, false) then 'below_the_mains'
            when closeness > 1 then 'above_the_mains'
        end as exclusion_reason
    from ranked

)

select * from final
