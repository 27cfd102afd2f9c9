-- One row per rule: the newest result of each check and what each load set aside, for Power BI.
with described as (

    select
        *,
        {{ code_name('checked_by', 'checked_by') }} as checked_by_name,
        {{ code_name('severity', 'severity') }} as severity_name,
        {{ code_name('check_status', 'status') }} as status_name,
        {{ code_sort('check_status', 'status') }} as status_sort,
        status in ('fail', 'error') as is_failed,
        status = 'pass' as is_passed
    from {{ ref('fct_data_quality') }}

)

{{ select_declared('described') }}
