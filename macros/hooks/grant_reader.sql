{#-
    The statement that lets Power BI read what this build is about to create in the schema powerbi.
    dbt replaces a view by a new one, and grants on the old one are lost. Default privileges apply
    to the new view at the moment it is created. They are lost only with the schema, so every build
    sets them again. Runs on-run-start, if the schema exists.

    Readers are members of the role that powerbi/exports/powerbi_export.sql creates. Its name
    follows from the database and not from a setting, so that nobody who builds can forget it.
    Without that role nothing is granted.
-#}
{% macro grant_reader() -%}
    {{ return(adapter.dispatch('grant_reader', 'la_pipeline_failure_predict')()) }}
{%- endmacro %}


{% macro default__grant_reader() -%}
{%- endmacro %}


{#- Grants only what is missing, because two builds that grant the same at once would make each other fail. -#}
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
