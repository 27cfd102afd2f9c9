-- One row per located main: the soil map unit under its midpoint, found by `la-pipes link`.
select
    'pipes' as source_name,
    load_id,
    row_number,
    soil_id
from {{ source('links', 'pipe_soils') }}
