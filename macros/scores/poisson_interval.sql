{#-
    Ends of the 95 % interval of a Poisson mean from a count, by Byar's approximation (Breslow and
    Day 1987, Statistical Methods in Cancer Research II, equation 2.9): within 0.03 of the exact
    chi-square quantiles from one count on, in plain SQL. 1.96 is the normal quantile of 0.975.
-#}
{% macro poisson_lower(count) -%}
    case
        when {{ count }} = 0 then 0
        else
            {{ count }}
            * power(
                1
                - 1 / (9 * cast({{ count }} as double precision))
                - 1.959963985 / (3 * sqrt(cast({{ count }} as double precision))),
                3
            )
    end
{%- endmacro %}

{% macro poisson_upper(count) -%}
    ({{ count }} + 1)
    * power(
        1
        - 1 / (9 * cast({{ count }} + 1 as double precision))
        + 1.959963985 / (3 * sqrt(cast({{ count }} + 1 as double precision))),
        3
    )
{%- endmacro %}
