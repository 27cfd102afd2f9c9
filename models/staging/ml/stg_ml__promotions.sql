-- One row per decision about which run the risk marts read.
select
    grain,
    promoted_at,
    run_id,
    promoted_by
from {{ source('ml', 'promotions') }}
