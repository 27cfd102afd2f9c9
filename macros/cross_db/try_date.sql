{#-
    Text to date by one of a few formats, null if the text does not follow it or is not a real day.
    Postgres has no to_date that returns null, and its to_date and DuckDB's strptime accept
    different texts, so both check one pattern and read the same parts. A two-digit year is 20xx.
-#}
{% macro try_date(expression, format) -%}
    {%- if format not in ['d-mon-yy', 'mon-yy', 'yyyy-mm-dd', 'm/d/yyyy'] -%}
        {{ exceptions.raise_compiler_error(
            "try_date knows 'd-mon-yy', 'mon-yy', 'yyyy-mm-dd' and 'm/d/yyyy', not '" ~ format ~ "'"
        ) }}
    {%- endif -%}
    {{ return(adapter.dispatch('try_date')(expression, format)) }}
{%- endmacro %}

{% macro default__try_date(expression, format) -%}
    {%- set parts = date_parts(expression, format) -%}
    case
        when {{ parts.text }} ~ '{{ parts.pattern }}'
            then case
                when {{ parts.day }} <= extract(
                    day from make_date({{ parts.year }}, {{ parts.month }}, 1)
                    + interval '1 month' - interval '1 day'
                )
                    then make_date({{ parts.year }}, {{ parts.month }}, {{ parts.day }})
            end
    end
{%- endmacro %}

{% macro duckdb__try_date(expression, format) -%}
    {%- set parts = date_parts(expression, format, cast_function='try_cast') -%}
    case
        when regexp_full_match({{ parts.text }}, '{{ parts.pattern }}')
            then try_cast(
                concat_ws('-', {{ parts.year }}, {{ parts.month }}, {{ parts.day }}) as date
            )
    end
{%- endmacro %}

{#- The pattern a date text must match, and the SQL that reads its year, month and day. -#}
{% macro date_parts(expression, format, cast_function='cast') -%}
    {%- set text = "lower(trim(both ' ' from " ~ expression ~ "))" -%}
    {%- set day = '(0?[1-9]|[12][0-9]|3[01])' -%}
    {%- set month = '(0?[1-9]|1[0-2])' -%}
    {%- set month_name = '(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)' -%}
    {%- set year = '[1-9][0-9]{3}' -%}
    {%- set time = '[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?( ?[ap]m|z)?' -%}
    {%- if format == 'd-mon-yy' -%}
        {%- set pattern = day ~ '-' ~ month_name ~ '-[0-9]{2}' -%}
        {%- set pieces = [
            "'20' || split_part(" ~ text ~ ", '-', 3)",
            month_number("split_part(" ~ text ~ ", '-', 2)"),
            "split_part(" ~ text ~ ", '-', 1)",
        ] -%}
    {%- elif format == 'mon-yy' -%}
        {%- set pattern = month_name ~ '-[0-9]{2}' -%}
        {%- set pieces = [
            "'20' || split_part(" ~ text ~ ", '-', 2)",
            month_number("split_part(" ~ text ~ ", '-', 1)"),
            '1',
        ] -%}
    {%- elif format == 'yyyy-mm-dd' -%}
        {%- set pattern = year ~ '-' ~ month ~ '-' ~ day ~ '([ t]' ~ time ~ ')?' -%}
        {%- set pieces = [
            "split_part(" ~ text ~ ", '-', 1)",
            "split_part(" ~ text ~ ", '-', 2)",
            "split_part(split_part(split_part(" ~ text ~ ", '-', 3), ' ', 1), 't', 1)",
        ] -%}
    {%- else -%}
        {%- set pattern = month ~ '/' ~ day ~ '/' ~ year ~ '( ' ~ time ~ ')?' -%}
        {%- set pieces = [
            "left(split_part(" ~ text ~ ", '/', 3), 4)",
            "split_part(" ~ text ~ ", '/', 1)",
            "split_part(" ~ text ~ ", '/', 2)",
        ] -%}
    {%- endif -%}
    {{ return({
        'text': text,
        'pattern': '^' ~ pattern ~ '$',
        'year': cast_function ~ '(' ~ pieces[0] ~ ' as integer)',
        'month': cast_function ~ '(' ~ pieces[1] ~ ' as integer)',
        'day': cast_function ~ '(' ~ pieces[2] ~ ' as integer)',
    }) }}
{%- endmacro %}

{% macro month_number(month_name) -%}
    case {{ month_name }}
        {%- for name in [
            'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'
        ] %}
        when '{{ name }}' then {{ loop.index }}
        {%- endfor %}
    end
{%- endmacro %}
