{#-
    How many times the first year's breaks come to in some years, when the rate changes by
    plan_rate_growth each year.
-#}
{% macro years_carried(years) -%}
    {%- set ns = namespace(rate=1.0, total=0.0) -%}
    {%- for year in range(years) -%}
        {%- set ns.total = ns.total + ns.rate -%}
        {%- set ns.rate = ns.rate * (1 + var('plan_rate_growth')) -%}
    {%- endfor -%}
    cast({{ ns.total }} as double precision)
{%- endmacro %}
