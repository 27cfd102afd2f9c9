{#-
    The line of a main as WKT: as delivered where a cell of Power BI holds it (32,766 characters), else
    straight between its ends, with seven decimals on every engine.
-#}
{% macro line_text(pipes) -%}
    case
        when length({{ pipes }}.line_wkt) <= 32000 then {{ pipes }}.line_wkt
        else
            'LINESTRING ('
            || cast(cast({{ pipes }}.start_longitude as numeric(10, 7)) as text) || ' '
            || cast(cast({{ pipes }}.start_latitude as numeric(10, 7)) as text) || ', '
            || cast(cast({{ pipes }}.end_longitude as numeric(10, 7)) as text) || ' '
            || cast(cast({{ pipes }}.end_latitude as numeric(10, 7)) as text) || ')'
    end
{%- endmacro %}
