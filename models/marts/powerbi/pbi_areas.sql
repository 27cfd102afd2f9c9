-- One row an area, for Power BI.
select
    area_id,
    area_name,
    region_name,
    area_km2,
    longitude,
    latitude
from {{ ref('dim_areas') }}
