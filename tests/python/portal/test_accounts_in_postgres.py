"""Accounts in Postgres: made once by whoever comes first, and their password said nowhere."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from cities import City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.auth.database import connect, migrate, versions
from la_pipeline_failure_predict.portal.config import PortalConfig
from portal.conftest import Portal

SECRET = "never-say-this-9f3"
READER = "portal_reader"


@pytest.fixture
def accounts_engine() -> str:
    return "postgres"


@pytest.fixture
def reader_url(accounts_url: sa.URL) -> Iterator[sa.URL]:
    """The database of accounts for a user who may not make a schema."""
    engine = sa.create_engine(accounts_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"create role {READER} login password '{SECRET}'")
        yield accounts_url.set(username=READER, password=SECRET)
        connection.exec_driver_sql(f"drop owned by {READER}")
        connection.exec_driver_sql(f"drop role {READER}")
    engine.dispose()


def test_those_who_start_at_once_make_the_tables_once(accounts_url: sa.URL, tmp_path: Path) -> None:
    config = PortalConfig(tmp_path, postgres=accounts_url)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(migrate, [config] * 4)) == [None] * 4
    with connect(config) as connection:
        has, is_to_have = versions(connection)
        tables = set(sa.inspect(connection).get_table_names(schema="portal"))
        assert sa.inspect(connection).get_table_names(schema="public") == []
    assert has == is_to_have
    assert {"accounts", "recovery_codes", "alembic_version"} <= tables
    assert list(tmp_path.iterdir()) == []


def test_two_processes_share_accounts_and_sessions(make_portal: Callable[..., Portal]) -> None:
    portal = make_portal()
    browser = portal.signed_in("planner")
    from la_pipeline_failure_predict.portal.app import create_app

    other = Portal(create_app(portal.config), portal.config)
    elsewhere = other.browser()
    elsewhere.client.set_cookie("la_pipes", browser.cookies()["la_pipes"])
    assert elsewhere.get("/").status_code == 200
    elsewhere.post("/logout", "/")
    assert browser.get("/").status_code == 302


def test_whoever_may_make_no_schema_is_told_so(reader_url: sa.URL, tmp_path: Path) -> None:
    config = PortalConfig(tmp_path, postgres=reader_url)
    with pytest.raises(UserError, match="permission denied for database") as refused:
        migrate(config)
    assert "LA_PIPES_PORTAL_ACCOUNTS_URL" in str(refused.value)
    assert SECRET not in str(refused.value)
    owner = sa.create_engine(reader_url.set(username="postgres", password=None))
    with owner.begin() as connection:
        connection.exec_driver_sql(f"create schema portal authorization {READER}")
    owner.dispose()
    migrate(config)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ana:{secret}@localhost/portal",
        "ana:{secret}@localhost",
        "postgresql://ana:{secret}@localhost:port/portal",
        "sqlite:///{secret}",
        "",
    ],
)
def test_other_addresses_are_refused_without_repeating_them(duckdb_city: City, url: str) -> None:
    environment = duckdb_city.environment | {
        "LA_PIPES_PORTAL_ACCOUNTS_URL": url.format(secret=SECRET)
    }
    refused = City("duckdb", environment, duckdb_city.connect).la_pipes("portal", "user", "list")
    assert refused.exit_code == 2
    assert "postgresql://user:password@host:5432/database" in refused.output
    assert SECRET not in refused.output


def test_the_password_is_neither_shown_nor_logged(
    duckdb_city: City, portal: Portal, tmp_path: Path
) -> None:
    assert portal.config.postgres
    wrong = portal.config.postgres.set(password=SECRET, query={"host": "127.0.0.1", "port": "1"})
    config = replace(portal.config, postgres=wrong)
    logs = tmp_path / "logs"
    environment = duckdb_city.environment | Portal(portal.app, config).environment
    environment["LA_PIPES_LOG_DIR"] = str(logs)
    assert SECRET in environment["LA_PIPES_PORTAL_ACCOUNTS_URL"]
    city = City("duckdb", environment, duckdb_city.connect)
    for command in (("user", "list"), ("serve",), ("doctor",)):
        refused = city.la_pipes("portal", *command, "--verbose")
        assert refused.exit_code in (1, 2), command
        assert "Cannot use the accounts at postgresql+psycopg2://" in refused.output
        assert SECRET not in refused.output
    said = "".join(file.read_text() for file in logs.glob("*.log"))
    assert said
    assert SECRET not in said
    assert SECRET not in repr(config)
