-- One row per reader and area that the reader may see, for the role of Power BI that shows a single
-- area; the seed area_readers says who.
select
    reader_name || '-' || area_id as reader_key,
    reader_name,
    area_id
from {{ ref('area_readers') }}
