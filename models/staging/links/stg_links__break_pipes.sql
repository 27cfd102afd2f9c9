-- One row per break delivered without a main: the nearest one, found by `la-pipes link`.
select
    load_id,
    row_number,
    pipe_id,
    distance_m
from {{ source('links', 'break_pipes') }}
