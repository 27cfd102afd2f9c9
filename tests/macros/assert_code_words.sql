-- A code becomes words and a position in its list; a code without words is kept, and comes last.
-- Age bands begin at 0, and the last one is open.
with cases as (

    select
        {{ code_name('material_group', "'asbestos_cement'") }} as actual,
        'Asbestos cement' as expected

    union all

    select
        {{ code_name('material_group', "'glass'") }} as actual,
        'glass' as expected

    union all

    select
        cast({{ code_sort('material_group', "'cast_iron'") }} as text) as actual,
        '1' as expected

    union all

    select
        cast({{ code_sort('material_group', "'glass'") }} as text) as actual,
        '99' as expected

    {%- for years, band in [
        ('0', 'Under 20 years'), ('19', 'Under 20 years'), ('20', '20 to 39 years'),
        ('99', '80 to 99 years'), ('100', '100 years and more'), ('170', '100 years and more'),
        ('cast(null as integer)', 'Unknown'),
    ] %}

        union all

        select
            {{ code_name('age_band', age_band_code(years)) }} as actual,
            '{{ band }}' as expected
    {%- endfor %}

)

select * from cases
where actual is distinct from expected
