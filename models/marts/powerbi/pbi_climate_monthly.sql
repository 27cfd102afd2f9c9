-- One row per weather station and month, for Power BI.
with converted as (

    select
        *,
        {{ millimeters_to_inches('rainfall_mm') }} as rainfall_in
    from {{ ref('fct_climate_monthly') }}

)

{{ select_declared('converted') }}
