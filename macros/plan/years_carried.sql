{#-
    How many times the first year's breaks occur over some years, if the rate changes by a share
    each year: 2 years at +2 % are 1 + 1.02.
-#}
{% macro years_carried(years, growth=none) -%}
    {%- set growth = var('plan_rate_growth') if growth is none else growth -%}
    {%- set ns = namespace(rate=1.0, total=0.0) -%}
    {%- for year in range(years) -%}
        {%- set ns.total = ns.total + ns.rate -%}
        {%- set ns.rate = ns.rate * (1 + growth) -%}
    {%- endfor -%}
    cast({{ ns.total }} as double precision)
{%- endmacro %}
