{#-
    Text to double precision, null when the text is not a plain decimal number. dbt.safe_cast is a
    plain cast on Postgres and fails on the first bad row. The pattern excludes what only one engine
    reads ('nan', '1_000', '0x10'); the limit of the length keeps matches within the range of a
    double. The pattern itself has no limit, because Postgres takes twenty times as long for {1,100}
    as for +.
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
