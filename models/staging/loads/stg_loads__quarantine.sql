-- One row per fault of a row that was set aside at load.
select
    load_id,
    source_name,
    source_file,
    row_number,
    column_name,
    rule,
    reason,
    {{ blank_to_null('row_key') }} as row_key,
    quarantined_at,
    mended_at
from {{ source('loads', 'quarantine') }}
