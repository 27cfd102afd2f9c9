-- Grain: one row per trunk segment as delivered (load_id, row_number).
-- The file has no identifier, so its row number is used; the grades are left out because they
-- contain past leaks.
{{ ladwp_inventory(
    source_relation=source('ladwp', 'ladwp_trunk_lines'),
    source_name='ladwp_trunk_lines',
    pipe_id_prefix='ladwp-trunk',
    graded_year='extract(year from ' ~ try_date('graded_on', 'd-mon-yy') ~ ')',
) }}
