-- One row per weather station and month, for Power BI.
select
    station_id,
    month_on,
    temperature_mean_c,
    temperature_min_c,
    temperature_max_c,
    rainfall_mm,
    {{ millimeters_to_inches('rainfall_mm') }} as rainfall_in
from {{ ref('fct_climate_monthly') }}
