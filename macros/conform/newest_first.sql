{#- Order of deliveries of the same thing: the newest first, then in the order of the file. -#}
{% macro newest_first() -%}
    loaded_at desc, {{ byte_order('load_id') }}, row_number
{%- endmacro %}
