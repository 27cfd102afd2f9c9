-- One row per delivered main that no mart holds, with the reason.
select
    source_name,
    load_id,
    row_number,
    pipe_id,
    length_m,
    exclusion_reason
from {{ ref('int_pipes__conformed') }}
where exclusion_reason is not null
