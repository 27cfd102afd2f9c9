-- Capitals sort before small letters, and digits before both, in every locale.
with names as (

    select 'a1' as name
    union all
    select 'B1' as name
    union all
    select '10' as name
    union all
    select '9' as name

),

ranked as (

    select
        name,
        row_number() over (order by {{ byte_order('name') }}) as place
    from names

)

select * from ranked
where (name, place) not in (('10', 1), ('9', 2), ('B1', 3), ('a1', 4))
