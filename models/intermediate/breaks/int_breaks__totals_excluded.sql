-- One row per delivered monthly total that no mart holds, with the reason.
select
    load_id,
    row_number,
    month_on,
    exclusion_reason
from {{ ref('int_breaks__totals') }}
where exclusion_reason is not null
