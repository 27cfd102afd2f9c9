-- One row per day, for Power BI: the date table.
{{ select_declared(ref('dim_dates')) }}
