{#-
    The statement that lets Power BI read what this build is about to create in the schema powerbi. dbt replaces a view
    by a new one, and a grant on the old one goes with it; default privileges come with the new one, in the moment it is
    made. They go only with the schema, so every build sees to them. Runs on-run-start, where the schema is there.

    Who reads is a member of the role that powerbi/exports/powerbi_export.sql makes. It is named after the database, not
    in a setting, so that nobody who builds can forget it; without that role nothing is granted.
-#}
{% macro grant_reader() -%}
    {{ return(adapter.dispatch('grant_reader', 'la_pipeline_failure_predict')()) }}
{%- endmacro %}


{% macro default__grant_reader() -%}
{%- endmacro %}


{#- Grants only what is missing: two builds that grant the same at once would fail each other. -#}
{% macro postgres__grant_reader() -%}
do $grant_reader$
declare
    readers constant name := current_database() || '_powerbi';
    readers_id constant oid := (select oid from pg_roles where rolname = readers);
    builder_id constant oid := (select oid from pg_roles where rolname = current_user);
    views_schema constant oid := (select oid from pg_namespace where nspname = 'powerbi');
begin
    if readers_id is null or views_schema is null then
        return;
    end if;
    if not has_schema_privilege(readers_id, views_schema, 'usage') then
        execute format('grant usage on schema powerbi to %I', readers);
    end if;
    if not exists (
        select from pg_default_acl as defaults
        cross join aclexplode(defaults.defaclacl) as given
        where
            defaults.defaclnamespace = views_schema
            and defaults.defaclrole = builder_id
            and defaults.defaclobjtype = 'r'
            and given.grantee = readers_id
            and given.privilege_type = 'SELECT'
    ) then
        execute format('alter default privileges in schema powerbi grant select on tables to %I', readers);
    end if;
end
$grant_reader$
{%- endmacro %}
