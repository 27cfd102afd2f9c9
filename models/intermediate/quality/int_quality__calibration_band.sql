-- One row: the bounds of observed over expected outside which a model is trained again, from the
-- seed plausibility_bounds, where a utility changes them.
select
    max(lower_bound) as lower_bound,
    min(upper_bound) as upper_bound
from {{ ref('plausibility_bounds') }}
where figure = 'observed_over_expected'
