{#- Whole months from one date to a later one: 15 January to 14 March is one. -#}
{% macro whole_months_between(earlier, later) -%}
    cast(
        (extract(year from {{ later }}) - extract(year from {{ earlier }})) * 12
        + (extract(month from {{ later }}) - extract(month from {{ earlier }}))
        - case when extract(day from {{ later }}) < extract(day from {{ earlier }}) then 1 else 0 end
        as integer
    )
{%- endmacro %}
