-- One row per located main or break: the area that holds it, found by `la-pipes link`.
select
    source_name,
    load_id,
    row_number,
    area_id
from {{ source('links', 'point_areas') }}
