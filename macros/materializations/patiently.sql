{#-
    The statement (Postgres) that changes a relation once nobody reads it. It tries for two seconds at a time, so that
    other readers get in between, and after LA_PIPES_LOCK_WAIT_S seconds fails and names the sessions in the way.
-#}
{% macro patiently(relation, changes) -%}
    {%- set wait_s = lock_wait_s() -%}
    do $patiently$
    declare
        gives_up_at constant timestamptz := clock_timestamp() + interval '{{ wait_s }} seconds';
        place constant text := {{ text_literal(plain_name(relation)) }};
    begin
        loop
            begin
                set local lock_timeout = '2s';
                {{ changes }}
                exit;
            exception when lock_not_available then
                if clock_timestamp() >= gives_up_at then
                    raise exception '% is locked by %', place, coalesce((
                        select string_agg(distinct format(
                            '%s (database user %s, process %s, %s)',
                            coalesce(nullif(activity.application_name, ''), 'a session'),
                            activity.usename, activity.pid, coalesce(activity.state, 'working')
                        ), ', ')
                        from pg_locks as locks
                        inner join pg_stat_activity as activity on locks.pid = activity.pid
                        where locks.granted
                            and locks.pid <> pg_backend_pid()
                            and locks.relation in (
                                select to_regclass(place)::oid
                                union all
                                select views.oid from ({{ views_over(relation) }}) as views
                            )
                    ), 'another session');
                end if;
            end;
            perform pg_sleep(0.5);
        end loop;
        set local lock_timeout = '{{ wait_s }}s';
    end
    $patiently$
{%- endmacro %}


{#- How long to wait for another session of the database, whole seconds. -#}
{% macro lock_wait_s() -%}
    {{ return([env_var('LA_PIPES_LOCK_WAIT_S', '60') | float | round(0, 'ceil') | int, 2] | max) }}
{%- endmacro %}


{#- Lets no statement of the node at hand wait for another session for ever (Postgres). -#}
{% macro bound_waits() -%}
    {%- do run_query("set lock_timeout = '" ~ lock_wait_s() ~ "s'") -%}
{%- endmacro %}


{#- The statement that lets those after it in a hook not wait for another session for ever. -#}
{% macro bounding_waits() -%}
    {{ return(adapter.dispatch('bounding_waits', 'la_pipeline_failure_predict')()) }}
{%- endmacro %}

{% macro default__bounding_waits() -%}
{%- endmacro %}

{% macro postgres__bounding_waits() -%}
    set local lock_timeout = '{{ lock_wait_s() }}s';
{%- endmacro %}


{#- A relation's schema and name, without quotes. -#}
{% macro plain_name(relation) -%}
    {{ return(relation.schema ~ '.' ~ relation.identifier) }}
{%- endmacro %}


{#- SQL of the views that read a relation and of those over them: oid, and how far from it they are (Postgres). -#}
{% macro views_over(relation) -%}
    with recursive reading as (
        select to_regclass({{ text_literal(plain_name(relation)) }})::oid as oid, 0 as depth
        union
        select pg_rewrite.ev_class, reading.depth + 1
        from reading
        inner join pg_depend on reading.oid = pg_depend.refobjid and pg_depend.classid = 'pg_rewrite'::regclass
        inner join pg_rewrite on pg_depend.objid = pg_rewrite.oid and pg_rewrite.ev_class <> reading.oid
    )

    select reading.oid, max(reading.depth) as depth
    from reading
    inner join pg_class on reading.oid = pg_class.oid and pg_class.relkind = 'v'
    where reading.depth > 0
    group by reading.oid
{%- endmacro %}
