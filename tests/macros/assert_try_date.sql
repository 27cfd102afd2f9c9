-- A date that one engine reads and the other refuses, or reads as another day, would move a break
-- to another month.
with cases (case_id, format_name, delivered, expected) as (

    values
    (1, 'd-mon-yy', '1-Jan-10', cast('2010-01-01' as date)),
    (2, 'd-mon-yy', ' 28-FEB-13 ', cast('2013-02-28' as date)),
    (3, 'd-mon-yy', '09-sep-99', cast('2099-09-09' as date)),
    (4, 'd-mon-yy', '29-Feb-12', cast('2012-02-29' as date)),
    (5, 'd-mon-yy', '31-Dec-00', cast('2000-12-31' as date)),
    (6, 'd-mon-yy', '31-Feb-10', null),
    (7, 'd-mon-yy', '29-Feb-11', null),
    (8, 'd-mon-yy', '31-Apr-11', null),
    (9, 'd-mon-yy', '0-Jan-10', null),
    (10, 'd-mon-yy', '32-Jan-10', null),
    (11, 'd-mon-yy', '1-Jan-2010', null),
    (12, 'd-mon-yy', '1-Anf-10', null),
    (13, 'd-mon-yy', 'Jan-10', null),
    (14, 'd-mon-yy', '', null),
    (15, 'd-mon-yy', null, null),
    (16, 'd-mon-yy', '#NULL#', null),
    (17, 'mon-yy', 'Jul-03', cast('2003-07-01' as date)),
    (18, 'mon-yy', ' dec-15', cast('2015-12-01' as date)),
    (19, 'mon-yy', '1-Jul-03', null),
    (20, 'mon-yy', 'July-03', null),
    (21, 'mon-yy', 'Total', null),
    (22, 'yyyy-mm-dd', '2013-06-20', cast('2013-06-20' as date)),
    (23, 'yyyy-mm-dd', '2013-06-20T00:00:00.000', cast('2013-06-20' as date)),
    (24, 'yyyy-mm-dd', '2013-06-20 23:59:59', cast('2013-06-20' as date)),
    (25, 'yyyy-mm-dd', '2000-02-29', cast('2000-02-29' as date)),
    (26, 'yyyy-mm-dd', '1900-02-29', null),
    (27, 'yyyy-mm-dd', '2013-13-01', null),
    (28, 'yyyy-mm-dd', '0000-01-01', null),
    (29, 'yyyy-mm-dd', '13-06-20', null),
    (30, 'm/d/yyyy', '2/10/2011 0:00', cast('2011-02-10' as date)),
    (31, 'm/d/yyyy', '12/30/1899 0:00:00', cast('1899-12-30' as date)),
    (32, 'm/d/yyyy', '12/1/2017 3:15:00 PM', cast('2017-12-01' as date)),
    (33, 'm/d/yyyy', '02/29/2012', cast('2012-02-29' as date)),
    (34, 'm/d/yyyy', '2/29/2011', null),
    (35, 'm/d/yyyy', '13/1/2011', null),
    (36, 'm/d/yyyy', '2/10/11', null),
    (37, 'm/d/yyyy', '2/10/2011 noon', null),
    (38, 'm/d/yyyy', ' ', null)

),

results as (

    select
        case_id,
        format_name,
        delivered,
        expected,
        case format_name
            when 'd-mon-yy' then {{ try_date('delivered', 'd-mon-yy') }}
            when 'mon-yy' then {{ try_date('delivered', 'mon-yy') }}
            when 'yyyy-mm-dd' then {{ try_date('delivered', 'yyyy-mm-dd') }}
            when 'm/d/yyyy' then {{ try_date('delivered', 'm/d/yyyy') }}
        end as actual
    from cases

)

select * from results
where actual is distinct from expected
