-- One row per delivered break that no mart counts, with the reason.
select
    source_name,
    load_id,
    row_number,
    break_id,
    broke_on,
    exclusion_reason
from {{ ref('int_breaks__conformed') }}
where exclusion_reason is not null
