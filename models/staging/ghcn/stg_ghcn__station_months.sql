-- Grain: one row per line of the file: a station, month and element (load_id, row_number).
-- Days are unpacked elsewhere. Lines are what was delivered, so lines must be accounted for.
select
    _load_id as load_id,
    _row_number as row_number,
    {{ blank_to_null('station_id') }} as station_id,
    year || '-' || month as month_text,
    {{ blank_to_null('element') }} as element,
    _loaded_at as loaded_at
from {{ source('ghcn', 'ghcn_daily') }}
