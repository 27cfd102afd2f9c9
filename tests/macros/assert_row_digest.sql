-- The digest of a row depends on each of its values, on nulls too, and not on when it is taken.
with rows_to_digest as (

    select
        1 as row_number,
        'a' as name,
        date '2024-01-01' as day
    union all
    select
        1 as row_number,
        'a' as name,
        date '2024-01-01' as day
    union all
    select
        1 as row_number,
        'a' as name,
        cast(null as date) as day
    union all
    select
        1 as row_number,
        'b' as name,
        date '2024-01-01' as day
    union all
    select
        2 as row_number,
        'a' as name,
        date '2024-01-01' as day

),

digests as (

    select {{ row_digest('rows_to_digest') }} as digest
    from rows_to_digest

)

select count(distinct digest) as different_digests
from digests
having count(distinct digest) <> 4
