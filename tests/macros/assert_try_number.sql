-- A text that one engine reads as a number and the other does not would give different marts.
with cases (case_id, delivered, expected) as (

    values
    (1, '5', cast(5 as double precision)),
    (2, ' 6.25 ', 6.25),
    (3, '-118.3276484', -118.3276484),
    (4, '+.5', 0.5),
    (5, '12.', 12),
    (6, '1e3', 1000),
    (7, '1.5E-2', 0.015),
    (8, '-9999', -9999),
    (9, '', null),
    (10, ' ', null),
    (11, null, null),
    (12, '#NULL#', null),
    (13, 'C.I.', null),
    (14, '.', null),
    (15, '-', null),
    (16, '1,234', null),
    (17, '1_000', null),
    (18, '0x10', null),
    (19, 'nan', null),
    (20, 'Infinity', null),
    (21, '1e999', null),
    (22, '1 2', null),
    (23, repeat('9', 400), null),
    (24, '0.' || repeat('0', 400) || '1', null),
    (25, '7' || chr(10), null),
    (26, '7' || chr(160), null),
    (27, '0.1', 0.1),
    (28, '71.12083425', 71.12083425),
    (29, repeat('9', 97) || 'e99', cast(repeat('9', 97) || 'e99' as double precision)),
    (30, '.' || repeat('0', 94) || '1e-99', power(cast(10 as double precision), -194)),
    (31, '1e-999', null)

),

results as (

    select
        case_id,
        delivered,
        expected,
        {{ try_number('delivered') }} as actual
    from cases

)

select * from results
where actual is distinct from expected
