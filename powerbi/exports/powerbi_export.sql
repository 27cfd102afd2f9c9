-- A login for Power BI that reads the views of the schema powerbi, and nothing else of this database.
--
-- Run once by a superuser, or by a role that may create roles, owns the database and is a member of the role that builds:
--
--     psql --dbname la_pipes --variable reader=power_bi --file powerbi/exports/powerbi_export.sql
--
-- A new login has no password. Set one so that no file, log or history holds it; psql asks for it and sends it hashed:
--
--     psql --dbname la_pipes --command '\password power_bi'
--
-- The rights belong to the role <database>_powerbi; the login is a member. `dbt build` gives that role what it builds
-- anew (macros/hooks/grant_reader.sql), so the login can read after every rebuild, and this file need not run again.
-- Run it again with another name for one more login; `drop role` takes one away.
--
-- Postgres lets everyone create temporary tables. To keep that to the role that builds, named la_pipes here:
--
--     grant temporary on database la_pipes to la_pipes;
--     revoke temporary on database la_pipes from public;

\set ON_ERROR_STOP on
\if :{?reader}
\else
    \set reader power_bi
\endif
select current_database() as database, cast(current_database() || '_powerbi' as name) as readers \gset

begin;

select format('create role %I nologin', :'readers')
where not exists (select from pg_roles where rolname = :'readers') \gexec

select format('create role %I login', :'reader')
where not exists (select from pg_roles where rolname = :'reader') \gexec

grant :"readers" to :"reader";

-- No report writes, and none holds up a build by a transaction that it left open.
alter role :"reader" in database :"database" set default_transaction_read_only = on;
alter role :"reader" in database :"database" set idle_in_transaction_session_timeout = '5min';

grant connect on database :"database" to :"readers";

-- As in every database since Postgres 15; before, everyone could create tables in the schema public.
revoke create on schema public from public;

-- What is built already. A schema that is not there yet is granted by the build that makes it.
select
    format('grant usage on schema powerbi to %I', :'readers'),
    format('grant select on all tables in schema powerbi to %I', :'readers')
where exists (select from pg_namespace where nspname = 'powerbi') \gexec

commit;

\echo 'What the login can do beyond reading the views of powerbi; no rows: nothing.'
select format('read or write %I.%I', namespaces.nspname, relations.relname) as beyond
from pg_class as relations
inner join pg_namespace as namespaces on relations.relnamespace = namespaces.oid
where
    relations.relkind in ('r', 'p', 'v', 'm', 'f')
    and namespaces.nspname not in ('pg_catalog', 'information_schema')
    and has_schema_privilege(:'reader', namespaces.oid, 'usage')
    and (
        has_table_privilege(:'reader', relations.oid, 'insert, update, delete, truncate, references, trigger')
        or (namespaces.nspname != 'powerbi' and has_any_column_privilege(:'reader', relations.oid, 'select'))
    )
union all
select format('create in schema %I', nspname)
from pg_namespace
where has_schema_privilege(:'reader', oid, 'create')
union all
select format('create schemas in database %I', :'database')
where has_database_privilege(:'reader', :'database', 'create')
order by 1;
