-- One row per load: what was delivered and over which period it is a systematic record.
select
    load_id,
    source_name,
    table_name,
    source_file,
    file_sha256,
    mapping_sha256,
    record_from,
    record_until,
    coalesce(extent, 'partial') as extent,
    coalesce(part, '') as part,
    coalesce(delivered_at, loaded_at) as delivered_at,
    rows_in_file,
    rows_loaded,
    rows_quarantined,
    loaded_at
from {{ source('loads', 'loads') }}
