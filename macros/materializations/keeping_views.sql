{#-
    A block of PL/pgSQL that puts a relation in the place of another, which may have other columns. Postgres would drop the
    views over the old one with it, and forget the grants on it. Here the new one gets the grants, and the views stay: each
    is cut loose before, and gets its own text back after. A view that needs a column that is gone tells its readers so,
    until it is built itself. A view of another owner is dropped.

    existing    relation that is there
    target      relation that is to be there
    changes     statements that drop the one, with cascade, and make the other
-#}
{% macro keeping_views(existing, target, changes) -%}
    declare
        one record;
        grants text[] := array({{ grants_on(existing, target) }});
        granted text;
        names text[] := '{}';
        texts text[] := '{}';
    begin
        {#- One at a time: a view may also read what another thread replaces, and its text is of what is gone then. #}
        perform pg_advisory_xact_lock(hashtext('keeping views'), 0);
        {#- In the order in which a reader locks them. #}
        for one in
            select
                views.oid::regclass::text as name,
                pg_get_viewdef(views.oid) as text,
                (
                    select string_agg(
                        format(
                            'cast(null as %s)%s as %I', format_type(atttypid, atttypmod),
                            ' collate ' || nullif(nullif(attcollation, 0), 'pg_catalog."default"'::regcollation)::regcollation,
                            attname
                        ),
                        ', ' order by attnum
                    )
                    from pg_attribute
                    where attrelid = views.oid and attnum > 0
                ) as columns
            from ({{ views_over(existing) }}) as views
            inner join pg_class on views.oid = pg_class.oid
            where pg_has_role(pg_class.relowner, 'usage')
            order by views.depth desc, views.oid
        loop
            execute format(
                'create or replace view %s as select %s where cast(concat(%L) as boolean)', one.name, one.columns,
                one.name || ' has to be built again, because what it reads has other columns now: run la-pipes run'
            );
            names := one.name || names;
            texts := one.text || texts;
        end loop;
        {{ changes }}
        foreach granted in array grants loop
            execute granted;
        end loop;
        for place in 1 .. cardinality(names) loop
            begin
                execute format('create or replace view %s as %s', names[place], texts[place]);
            exception
                when lock_not_available then raise;
                when others then null;
            end;
        end loop;
    end;
{%- endmacro %}


{#- SQL of the statements that grant on one relation what is granted on another and on its columns (Postgres). -#}
{% macro grants_on(existing, target) -%}
    select format(
        'grant %s%s on %s to %s%s',
        given.privilege_type,
        coalesce(' (' || quote_ident(given.attname) || ')', ''),
        {{ text_literal(target.include(database=false)) }},
        case when given.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(given.grantee)) end,
        case when given.is_grantable then ' with grant option' else '' end
    )
    from (
        select relowner, null as attname, (aclexplode(relacl)).*
        from pg_class
        where oid = to_regclass({{ text_literal(plain_name(existing)) }})
        union all
        select pg_class.relowner, pg_attribute.attname, (aclexplode(pg_attribute.attacl)).*
        from pg_class
        inner join pg_attribute on pg_class.oid = pg_attribute.attrelid
        where
            pg_class.oid = to_regclass({{ text_literal(plain_name(existing)) }})
            and pg_attribute.attnum > 0
            and not pg_attribute.attisdropped
    ) as given
    where given.grantee <> given.relowner
{%- endmacro %}
