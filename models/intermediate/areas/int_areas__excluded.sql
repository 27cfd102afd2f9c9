-- One row per delivered area that no mart holds, with the reason.
select
    source_name,
    load_id,
    row_number,
    area_id,
    exclusion_reason
from {{ ref('int_areas__conformed') }}
where exclusion_reason is not null
