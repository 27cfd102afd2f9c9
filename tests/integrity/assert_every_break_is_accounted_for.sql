-- Every delivered break or leak is in fct_breaks or in int_breaks__excluded with a reason, once. A
-- row here is a break whose rows that were kept are not those of fct_breaks.
with utility_breaks as (

    select
        source_name,
        load_id,
        row_number,
        break_id
    from {{ ref('stg_utility__breaks') }}

),

leaks as (

    select
        source_name,
        load_id,
        row_number,
        leak_id as break_id
    from {{ ref('stg_ladwp__leaks') }}

),

delivered as (

    select * from utility_breaks
    union all
    select * from leaks

),

excluded as (

    select * from {{ ref('int_breaks__excluded') }}

),

kept as (

    select
        delivered.source_name,
        delivered.break_id,
        count(*) as row_count
    from delivered
    left join excluded
        on
            delivered.source_name = excluded.source_name
            and delivered.load_id = excluded.load_id
            and delivered.row_number = excluded.row_number
    where excluded.load_id is null
    group by 1, 2

),

counted as (

    select
        source_name,
        break_id,
        count(*) as row_count
    from {{ ref('fct_breaks') }}
    group by 1, 2

)

select
    coalesce(kept.source_name, counted.source_name) as source_name,
    coalesce(kept.break_id, counted.break_id) as break_id,
    kept.row_count as kept_count,
    counted.row_count as counted_count
from kept
full outer join counted
    on
        kept.source_name = counted.source_name
        and kept.break_id = counted.break_id
where coalesce(kept.row_count, 0) <> coalesce(counted.row_count, 0)
