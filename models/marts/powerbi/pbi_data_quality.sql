-- One row per rule: the newest result of each check and what each load set aside, for Power BI.
select
    check_key,
    checked_by,
    {{ code_name('checked_by', 'checked_by') }} as checked_by_name,
    table_schema,
    table_name,
    rule,
    severity,
    {{ code_name('severity', 'severity') }} as severity_name,
    status,
    {{ code_name('check_status', 'status') }} as status_name,
    {{ code_sort('check_status', 'status') }} as status_sort,
    failures,
    row_count,
    failure_share,
    message,
    checked_at,
    status in ('fail', 'error') as is_failed,
    status = 'pass' as is_passed
from {{ ref('fct_data_quality') }}
