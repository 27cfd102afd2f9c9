-- One row a rule: the newest result of each check and what each load set aside, for Power BI.
select
    check_key,
    checked_by,
    table_schema,
    table_name,
    rule,
    severity,
    status,
    failures,
    row_count,
    failure_share,
    message,
    checked_at
from {{ ref('fct_data_quality') }}
