"""A Postgres that is shared with others: locks, rights, limits, grants, encodings."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from cities import City
from faults import finish, start
from la_pipeline_failure_predict.settings import read_settings
from la_pipeline_failure_predict.warehouse import one_writer

SHORT = {"LA_PIPES_LOCK_WAIT_S": "2"}
LOCK_HOLDERS = "select pid from pg_locks where locktype = 'advisory' and granted"
BREAKS = "break_id,pipe_id,broke_on\nB1,M1,2020-05-01\n"


@pytest.fixture
def mains(tmp_path: Path) -> Path:
    """A file of two mains."""
    file = tmp_path / "mains.csv"
    file.write_text("pipe_id,length_m,street_name\nM1,5,Mesa St\nM2,6,Łódź 🚰\n", encoding="utf-8")
    return file


@pytest.fixture
def city(make_city: Callable[[str], City]) -> City:
    """An empty warehouse on Postgres."""
    return make_city("postgres")


@pytest.fixture
def built_city(sample_cities: dict[str, City], copy_city: Callable[[City], City]) -> City:
    """The sample network on Postgres, to be rebuilt."""
    return copy_city(sample_cities["postgres"])


@pytest.fixture
def roles(postgres_server: dict[str, str]) -> Iterator[Callable[[City, str], City]]:
    """Make a role that may log in; returns the city as that role sees it."""
    made: list[tuple[City, str]] = []

    def make(city: City, name: str) -> City:
        administer(city, f"create role {name} login password 'only a test'")
        made.append((city, name))
        environment = city.environment | {
            "LA_PIPES_POSTGRES_USER": name,
            "DBT_ENV_SECRET_LA_PIPES_POSTGRES_PASSWORD": "only a test",
        }
        return City("postgres", environment, city.connect)

    yield make
    for city, name in made:
        administer(city, f"reassign owned by {name} to current_user", f"drop owned by {name}")
        administer(city, f"drop role {name}")


def log_in(city: City, **options: str) -> psycopg2.extensions.connection:
    """Open a session of the city's database, as a person at psql would."""
    environment = city.environment
    return psycopg2.connect(
        host=environment["LA_PIPES_POSTGRES_HOST"],
        port=environment["LA_PIPES_POSTGRES_PORT"],
        user=environment["LA_PIPES_POSTGRES_USER"],
        password=environment["DBT_ENV_SECRET_LA_PIPES_POSTGRES_PASSWORD"],
        dbname=environment["LA_PIPES_POSTGRES_DATABASE"],
        application_name="psql of ann",
        **options,
    )


def administer(city: City, *statements: str) -> list[tuple]:
    """Run statements, each committed; returns the rows of the last."""
    with closing(log_in(city)) as session:
        session.autocommit = True
        with session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.replace("$database", session.info.dbname))
            return cursor.fetchall() if cursor.description else []


@contextmanager
def open_transaction(city: City, statement: str) -> Iterator[None]:
    """Somebody's transaction that is left open."""
    with closing(log_in(city)) as session:
        session.cursor().execute(statement)
        yield


def refused(city: City, *arguments: object, **environment: str) -> str:
    """Run a command that must end with one sentence and exit code 2; returns the sentence."""
    code, printed = start(city, *arguments, **environment).wait()
    assert code == 2, printed
    assert "Traceback" not in printed
    return " ".join(printed[printed.index("Error:") :].split())


def test_lost_lock_ends_the_run(built_city: City, mains: Path) -> None:
    """Who ends the session of the lock lets others in, so the run may not go on."""
    under_way = start(built_city, "run", "--force")
    while not (holders := administer(built_city, LOCK_HOLDERS)):
        assert under_way.process.is_alive(), under_way.output
        time.sleep(0.05)
    under_way.wait_for_output("linked")
    administer(built_city, f"select pg_terminate_backend({holders[0][0]})")
    code, printed = under_way.wait(30)
    assert code == 2, printed
    assert "and the lock on the warehouse of target postgres with it" in printed
    assert "Traceback" not in printed
    sessions = "select count(*) from pg_stat_activity where datname = '$database' and pid <> "
    assert administer(built_city, sessions + "pg_backend_pid()") == [(0,)]
    assert "2 loaded" in finish(built_city, "load", "pipes", mains)


def test_lock_outlasts_the_timeouts_of_idle_sessions(
    city: City, roles: Callable[[City, str], City], monkeypatch: pytest.MonkeyPatch
) -> None:
    nightly = roles(city, "la_pipes_nightly")
    for name in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
        administer(city, f"alter role la_pipes_nightly set {name} = '300ms'")
    for name, value in nightly.environment.items():
        monkeypatch.setenv(name, value)
    with one_writer(read_settings()):
        time.sleep(1.5)
        assert len(administer(city, LOCK_HOLDERS)) == 1


@pytest.mark.parametrize(
    ("held", "command", "named"),
    [
        ("lock table raw.pipes", ("load", "pipes"), "raw.pipes"),
        ("lock table raw.pipes", ("link",), "raw.pipes"),
        ("lock table ml.pipe_scores", ("score",), "ml.pipe_scores"),
        ("select 1 from powerbi.pipe_risk", ("build", "--select", "pbi_pipe_risk"), None),
        ("select 1 from powerbi.areas", ("build", "--select", "dim_areas"), "core.dim_areas"),
        ("select 1 from seeds.risk_classes", ("build", "--select", "risk_classes"), None),
        ("lock table quality.check_results", ("build", "--select", "risk_classes"), None),
        ("lock table core.dim_pipes", ("build", "--select", "dim_soils fct_breaks+"), None),
    ],
)
def test_who_stands_in_the_way_is_named(
    sample_cities: dict[str, City],
    mains: Path,
    held: str,
    command: tuple[str, ...],
    named: str | None,
) -> None:
    """A step neither waits for ever nor leaves less than there was."""
    city = sample_cities["postgres"]
    file = (mains,) if command[0] == "load" else ()
    before = city.value("select count(*) from powerbi.pipe_risk")
    with open_transaction(city, held):
        sentence = refused(city, *command, *file, **SHORT)
    assert "is locked by psql of ann (database user " in sentence
    assert (named or held.split()[-1]) + " is locked" in sentence
    assert city.value("select count(*) from powerbi.pipe_risk") == before


def test_readers_get_in_between_while_a_build_waits(sample_cities: dict[str, City]) -> None:
    city = sample_cities["postgres"]
    with open_transaction(city, "select 1 from seeds.risk_classes"):
        waiting = start(city, "build", "--select", "risk_classes", LA_PIPES_LOCK_WAIT_S="20")
        while not administer(city, "select 1 from pg_locks where not granted"):
            assert waiting.process.is_alive(), waiting.output
            time.sleep(0.05)
        administer(city, "set statement_timeout = '10s'", "select count(*) from powerbi.pipe_risk")
        administer(city, "set statement_timeout = '10s'", "select count(*) from seeds.risk_classes")
    assert waiting.wait()[0] == 0, waiting.output


def test_grants_outlive_every_build(built_city: City, roles: Callable[[City, str], City]) -> None:
    """Also those on a view whose columns change, and on tables and columns of other schemas."""
    reader = roles(built_city, "la_pipes_bi")
    administer(
        built_city,
        "grant usage on schema powerbi, core to la_pipes_bi",
        "grant select on all tables in schema powerbi to la_pipes_bi",
        "grant select (date_on) on core.dim_dates to la_pipes_bi",
        "create view public.mine as select area_name from powerbi.areas",
        "grant select on public.mine to la_pipes_bi",
        # As if an older version had made them.
        "alter table core.dim_dates add column weather text",
        "alter table powerbi.pipe_risk add column weather text",
        ADD_A_COLUMN_TO_AREAS,
    )
    views = [name for (name,) in administer(built_city, POWERBI)]

    def reads() -> list[str]:
        asked = [f"select count(*) from powerbi.{name}" for name in views]
        asked += ["select count(date_on) from core.dim_dates", "select count(*) from public.mine"]
        return [sql for sql in asked if administer(reader, sql)[0][0]]

    before = reads()
    assert len(before) > 13
    finish(built_city, "build", "--select", "dim_dates pbi_areas pbi_pipe_risk")
    assert reads() == before
    finish(built_city, "build", "--select", "resource_type:seed dim_areas+")
    assert reads() == before


ADD_A_COLUMN_TO_AREAS = """
do $$
begin
    execute 'create or replace view powerbi.areas as select def.*, 1 as weather from ('
        || rtrim(pg_get_viewdef('powerbi.areas'::regclass), ';') || ') as def';
end $$
"""
POWERBI = "select table_name from information_schema.tables where table_schema = 'powerbi'"


def test_a_view_that_lost_its_column_says_so(built_city: City) -> None:
    administer(built_city, "alter table core.dim_areas rename column area_name to area_called")
    printed = finish(built_city, "build", "--select", "dim_areas")
    assert "powerbi.areas: cannot be read until la-pipes run builds them again" in printed
    with pytest.raises(psycopg2.Error, match=r"powerbi.areas has to be built again"):
        administer(built_city, "select * from powerbi.areas")
    assert "build: up to date" not in finish(built_city, "run")
    assert administer(built_city, "select count(*) from powerbi.areas")[0][0] > 1


def test_text_is_utf8_whatever_the_client_says(city: City, mains: Path) -> None:
    finish(city, "load", "pipes", mains, PGCLIENTENCODING="LATIN1")
    assert city.value("select street_name from raw.pipes where pipe_id = 'M2'") == "Łódź 🚰"


def test_another_encoding_of_the_server_is_refused(city: City, mains: Path) -> None:
    name = f"{city.environment['LA_PIPES_POSTGRES_DATABASE']}_latin1"
    create = f"create database {name} encoding 'LATIN1' template template0 locale 'C'"
    administer(city, create)
    try:
        sentence = refused(city, "load", "pipes", mains, LA_PIPES_POSTGRES_DATABASE=name)
    finally:
        administer(city, f"drop database {name} with (force)")
    assert f"Database {name} stores text as LATIN1" in sentence


def test_no_schema_is_created_that_is_there(
    built_city: City, roles: Callable[[City, str], City]
) -> None:
    """The owner of all schemas needs no right to create more."""
    owner = roles(built_city, "la_pipes_owner")
    administer(
        built_city,
        OWN_EVERYTHING,
        "revoke all on database $database from public",
        "grant connect, temporary on database $database to la_pipes_owner",
    )
    finish(owner, "link")
    finish(owner, "build", "--select", "resource_type:seed dim_areas pbi_areas")


OWN_EVERYTHING = """
do $$
declare one record;
begin
    for one in
        select nspname from pg_namespace where nspname !~ '^(pg_|information_schema|public)'
    loop
        execute format('alter schema %I owner to la_pipes_owner', one.nspname);
    end loop;
    for one in
        select oid::regclass as name, relkind from pg_class where relkind in ('r', 'v')
            and relnamespace::regnamespace::text !~ '^(pg_|information_schema|public)'
    loop
        execute format('alter %s %s owner to la_pipes_owner',
            case one.relkind when 'v' then 'view' else 'table' end, one.name);
    end loop;
end $$
"""


def test_tables_belong_to_the_role_of_the_profile(
    city: City, roles: Callable[[City, str], City]
) -> None:
    """Else what a command makes could not be replaced by dbt, which takes the role."""
    member, _ = roles(city, "la_pipes_member"), roles(city, "la_pipes_team")
    administer(city, "grant la_pipes_team to la_pipes_member", LET_CREATE)
    profile = Path(city.environment["DBT_PROFILES_DIR"]) / "profiles.yml"
    timeout = "connect_timeout: 10"
    profile.write_text(
        profile.read_text().replace(timeout, f"{timeout}\n      role: la_pipes_team")
    )
    finish(member, "init")
    owners = (
        "select distinct tableowner from pg_tables where schemaname in ('raw', 'ml', 'quality')"
    )
    assert administer(city, owners) == [("la_pipes_team",)]


LET_CREATE = "grant create on database $database to la_pipes_team"


def test_a_user_without_rights_is_told(
    sample_cities: dict[str, City], roles: Callable[[City, str], City], mains: Path
) -> None:
    guest = roles(sample_cities["postgres"], "la_pipes_guest")
    for command in (("plan",), ("load", "pipes", mains), ("promote", "--list"), ("check",)):
        sentence = refused(guest, *command)
        assert "The database user lacks a right (" in sentence, command
        assert "permission denied for schema" in sentence, command


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("default_transaction_read_only = on", "The database lets this user only read"),
        ("statement_timeout = '1ms'", "The database ended a statement that took too long"),
    ],
)
def test_settings_that_forbid_the_work_are_told(
    city: City, roles: Callable[[City, str], City], mains: Path, setting: str, says: str
) -> None:
    limited = roles(city, "la_pipes_limited")
    finish(city, "init")
    administer(
        city,
        "grant all on schema raw, ml, quality to la_pipes_limited",
        "grant all on all tables in schema raw, ml, quality to la_pipes_limited",
        f"alter role la_pipes_limited set {setting}",
    )
    for command in (("load", "pipes", mains), ("link",), ("build", "--select", "risk_classes")):
        assert says in refused(limited, *command), command


def test_a_cancelled_statement_is_told(sample_cities: dict[str, City]) -> None:
    city = sample_cities["postgres"]
    with open_transaction(city, "lock table raw.pipes"):
        under_way = start(city, "link")
        cancel = (
            "select pg_cancel_backend(pid) from pg_stat_activity "
            "where wait_event_type = 'Lock' and query like '%raw.pipes%'"
        )
        while not administer(city, cancel):
            assert under_way.process.is_alive(), under_way.output
            time.sleep(0.05)
        code, printed = under_way.wait()
    assert code == 2, printed
    assert "Somebody cancelled a statement of this command in the database" in printed


def test_a_full_server_is_told(city: City, roles: Callable[[City, str], City], mains: Path) -> None:
    limited = roles(city, "la_pipes_single")
    administer(city, "alter role la_pipes_single connection limit 0")
    assert "lets in no more connections" in refused(limited, "load", "pipes", mains)
