-- One row a day, for Power BI.
select
    date_on,
    month_on,
    year_number,
    quarter_number,
    month_number,
    day_number,
    month_name
from {{ ref('dim_dates') }}
