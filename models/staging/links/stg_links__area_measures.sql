-- One row per delivered area: its size, outline and center, measured by `la-pipes link`.
select
    source_name,
    load_id,
    row_number,
    area_km2,
    outline_wkt,
    longitude,
    latitude
from {{ source('links', 'area_measures') }}
