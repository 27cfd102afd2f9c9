-- A warning: a delivery whose size differs much from earlier ones of its source may be cut off or
-- repeated. Inventories are complete each time, so half to twice the rows before are expected.
-- Breaks and climate are complete or only what is new, so at most twice the largest one before.
{{ config(severity='warn') }}

with loads as (

    select * from {{ ref('stg_loads__loads') }}
    where table_name <> 'pipe_attributes'  -- each attribute is a load of its own

),

sized as (

    select
        load_id,
        table_name,
        source_file,
        rows_loaded,
        table_name in ('breaks', 'climate', 'ladwp_leaks', 'ghcn_daily', 'la_monthly_breaks')
            as comes_in_parts,
        lag(rows_loaded) over by_source as rows_before,
        max(rows_loaded) over (
            partition by source_name, table_name
            order by loaded_at, {{ byte_order('load_id') }}
            rows between unbounded preceding and 1 preceding
        ) as most_rows_before,
        row_number() over (
            partition by source_name, table_name
            order by loaded_at desc, {{ byte_order('load_id') }} desc
        ) as recency
    from loads
    window
        by_source as (
            partition by source_name, table_name order by loaded_at, {{ byte_order('load_id') }}
        )

)

select
    load_id,
    table_name,
    source_file,
    rows_loaded,
    rows_before,
    most_rows_before
from sized
where
    recency = 1
    and (
        (comes_in_parts and rows_loaded > 2 * most_rows_before)
        or (
            not comes_in_parts
            and (rows_loaded > 2 * rows_before or 2 * rows_loaded < rows_before)
        )
    )
