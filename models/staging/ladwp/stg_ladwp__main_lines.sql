-- Grain: one row per main segment as delivered (load_id, row_number).
-- The file has no identifier, so its row number is used; scores and leak counts are left out
-- because they contain past leaks. The file does not say when it was graded; the trunk lines of the
-- same request were graded in 2013.
{{ ladwp_inventory(
    source_relation=source('ladwp', 'ladwp_main_lines'),
    source_name='ladwp_main_lines',
    pipe_id_prefix='ladwp-main',
    graded_year='2013',
) }}
