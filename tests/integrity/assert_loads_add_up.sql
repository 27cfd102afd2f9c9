-- rows in the file = rows in the landing table + rows still in the quarantine, for each load.
with landed as (

    {% for source_name, table_name in [
        ('utility', 'pipes'), ('utility', 'pipe_attributes'), ('utility', 'breaks'), ('utility', 'soils'), ('utility', 'areas'),
        ('utility', 'climate'), ('ladwp', 'ladwp_leaks'), ('ladwp', 'ladwp_trunk_lines'),
        ('ladwp', 'ladwp_main_lines'), ('la_city', 'la_monthly_breaks'),
        ('la_city', 'la_neighborhoods'), ('ghcn', 'ghcn_daily'), ('ssurgo', 'ssurgo_mapunits'),
        ('ssurgo', 'ssurgo_components'), ('ssurgo', 'ssurgo_horizons'),
    ] -%}
        select
            '{{ table_name }}' as table_name,
            _load_id as load_id,
            count(*) as row_count
        from {{ source(source_name, table_name) }}
        group by 1, 2
        {% if not loop.last %}
            union all

        {% endif -%}
    {% endfor %}
),

quarantined as (

    select
        load_id,
        count(distinct row_number) as row_count
    from {{ ref('stg_loads__quarantine') }}
    where mended_at is null
    group by 1

),

loads as (

    select * from {{ ref('stg_loads__loads') }}

)

select
    coalesce(loads.load_id, landed.load_id, quarantined.load_id) as load_id,
    coalesce(loads.table_name, landed.table_name) as table_name,
    loads.rows_in_file,
    loads.rows_loaded,
    landed.row_count as landed_count,
    loads.rows_quarantined,
    quarantined.row_count as quarantined_count
from loads
full outer join landed
    on
        loads.load_id = landed.load_id
        and loads.table_name = landed.table_name
full outer join quarantined
    on loads.load_id = quarantined.load_id
where
    loads.load_id is null
    or loads.rows_in_file <> loads.rows_loaded + loads.rows_quarantined
    or loads.rows_loaded <> coalesce(landed.row_count, 0)
    or loads.rows_quarantined <> coalesce(quarantined.row_count, 0)
