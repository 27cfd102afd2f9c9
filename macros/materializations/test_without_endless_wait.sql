{#- A test on Postgres: as dbt's, but that it does not wait for ever for a table that somebody has locked. -#}
{% materialization test, adapter='postgres' %}
    {%- do bound_waits() -%}
    {{ return(dbt.materialization_test_default()) }}
{% endmaterialization %}
