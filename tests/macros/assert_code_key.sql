-- Case, accents, spaces and punctuation do not tell spellings apart, on every engine.
with cases as (

    select
        {{ code_key("'Cast-Iron'") }} as actual,
        'CASTIRON' as expected

    union all

    select
        {{ code_key("' c.i. '") }} as actual,
        'CI' as expected

    union all

    select
        {{ code_key("'Fundición dúctil'") }} as actual,
        'FUNDICIONDUCTIL' as expected

    union all

    select
        {{ code_key("'GRAUGUß'") }} as actual,
        'GRAUGUSS' as expected

    union all

    select
        {{ code_key("'Béton armé, âme tôle'") }} as actual,
        'BETONARMEAMETOLE' as expected

    union all

    select
        {{ code_key("'<->'") }} as actual,
        cast(null as text) as expected

    union all

    select
        {{ code_key('cast(null as text)') }} as actual,
        cast(null as text) as expected

)

select * from cases
where actual is distinct from expected
