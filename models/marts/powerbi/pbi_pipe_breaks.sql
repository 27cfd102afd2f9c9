-- One row a break, for Power BI.
select
    break_key,
    pipe_id,
    area_id,
    broke_on,
    month_on,
    material_code,
    material_group,
    diameter_mm,
    install_year,
    failure_mode,
    cause,
    street_name,
    longitude,
    latitude,
    link_status,
    is_in_record,
    is_date_suspect
from {{ ref('fct_breaks') }}
