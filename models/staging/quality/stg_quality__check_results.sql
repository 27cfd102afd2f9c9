-- One row per run and check: what dbt's tests and `la-pipes check` found.
select
    checked_by,
    invocation_id,
    check_name,
    table_schema,
    table_name,
    rule,
    severity,
    status,
    failures,
    row_count,
    message,
    checked_at
from {{ source('quality', 'check_results') }}
