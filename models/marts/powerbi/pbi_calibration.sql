-- One row per year scored and tenth of the mains, for Power BI: observed against expected breaks.
with keyed as (

    select
        *,
        cast(period_on as text) || '-' || cast(tenth as text) as calibration_key
    from {{ ref('fct_calibration') }}

)

{{ select_declared('keyed') }}
