{#-
    Text to double precision, null when the text is not a plain decimal number. dbt.safe_cast is a
    plain cast on Postgres and fails on the first bad row. The pattern keeps out what one engine
    reads and the other does not ('nan', '1_000', '0x10'); the length bounds what matches to what a
    double holds. No bound inside the pattern: Postgres takes twenty times as long over {1,100} as
    over +.
-#}
{% macro try_number(expression) -%}
    {{ return(adapter.dispatch('try_number')(expression)) }}
{%- endmacro %}

{% macro number_pattern() -%}
    ^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9][0-9]?)?$
{%- endmacro %}

{% macro default__try_number(expression) -%}
    {%- set trimmed = "trim(both ' ' from " ~ expression ~ ")" -%}
    case
        when length({{ trimmed }}) <= 100 and {{ trimmed }} ~ '{{ number_pattern() }}'
            then cast({{ trimmed }} as double precision)
    end
{%- endmacro %}

{#- try_cast rather than cast: DuckDB may evaluate a cast on rows that the case leaves out. -#}
{% macro duckdb__try_number(expression) -%}
    {%- set trimmed = "trim(both ' ' from " ~ expression ~ ")" -%}
    case
        when
            length({{ trimmed }}) <= 100
            and regexp_full_match({{ trimmed }}, '{{ number_pattern() }}')
            then try_cast({{ trimmed }} as double precision)
    end
{%- endmacro %}
