-- One row a delivered area: its size and centre, measured by `la-pipes link`.
select
    source_name,
    load_id,
    row_number,
    area_km2,
    longitude,
    latitude
from {{ source('links', 'area_measures') }}
