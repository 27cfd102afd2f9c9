-- One row per delivered soil map unit, component or horizon that no mart uses, with the reason.
select
    source_name,
    load_id,
    row_number,
    exclusion_reason
from {{ ref('int_soils__conformed') }}
where exclusion_reason is not null

union all

select
    source_name,
    load_id,
    row_number,
    exclusion_reason
from {{ ref('int_soils__components') }}
where exclusion_reason is not null

union all

select
    source_name,
    load_id,
    row_number,
    exclusion_reason
from {{ ref('int_soils__horizons') }}
where exclusion_reason is not null
