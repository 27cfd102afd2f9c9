-- One break is singular, numbers carry no decimals, and halves round away from zero.
with cases as (

    select
        {{ breaks_in_words('1') }} as actual,
        '1 break' as expected
    union all
    select
        {{ breaks_in_words('12') }} as actual,
        '12 breaks' as expected
    union all
    select
        {{ whole_text('cast(150.5 as double precision)') }} as actual,
        '151' as expected
    union all
    select
        {{ whole_text('cast(0.4 as double precision)') }} as actual,
        '0' as expected

)

select * from cases
where actual is distinct from expected
