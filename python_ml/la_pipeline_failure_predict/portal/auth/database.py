"""Bring the database of accounts up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy.pool import ConnectionPoolEntry

from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.portal.config import SCHEMA, PortalConfig

MIGRATIONS = Path(__file__).parents[1] / "migrations"
LOCK = 0x6C612D7069706573
"""Of Postgres, while the tables change."""


@sa.event.listens_for(sa.engine.Engine, "connect")
def _set_up(connection: object, record: ConnectionPoolEntry) -> None:
    if isinstance(connection, SqliteConnection):
        # Readers go on while one writes.
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma busy_timeout = 5000")
        connection.execute("pragma foreign_keys = on")


def migrate(config: PortalConfig) -> None:
    """Create the tables of the accounts, or change them to this version's.

    Raises
    ------
    UserError
        If the database cannot be reached, or the tables cannot be made.
    """
    if config.postgres is None:
        with FileLock(config.folder / ".accounts.lock"):
            _migrate_file(config)
        return
    with connect(config) as connection:
        # One process at a time, until its transaction ends.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        if not sa.inspect(connection).has_schema(SCHEMA):
            connection.execute(sa.schema.CreateSchema(SCHEMA))
        _upgrade(connection)


@contextmanager
def connect(config: PortalConfig) -> Iterator[sa.Connection]:
    """Begin a transaction in the database of accounts.

    Raises
    ------
    UserError
        If the database refuses.
    """
    try:
        engine = sa.create_engine(**config.engine_options)
    except ModuleNotFoundError as error:
        raise UserError(
            f"Accounts in Postgres need {error.name}, which is not installed: pip install "
            '"la_pipeline_failure_predict[portal,postgres]".'
        ) from error
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.DBAPIError as error:
        way_out = (
            "see docs/08_deployment for what LA_PIPES_PORTAL_ACCOUNTS_URL names"
            if config.postgres
            else "put a back-up of this file in its place"
        )
        raise UserError(
            f"Cannot use the accounts at {config.accounts_url} ({first_line(error.orig)}): "
            f"{way_out}."
        ) from error
    finally:
        engine.dispose()


def versions(connection: sa.Connection) -> tuple[str | None, str | None]:
    """Return the version that the tables have, and the one that they are to have."""
    scripts = ScriptDirectory.from_config(_alembic())
    return MigrationContext.configure(connection).get_current_revision(), scripts.get_current_head()


def _migrate_file(config: PortalConfig) -> None:
    if not config.accounts_file.exists():
        config.accounts_file.touch(mode=0o600)
    engine = sa.create_engine(**config.engine_options)
    # Python's driver would commit before each change of a table, and a version that fails or is
    # killed would be half there.
    sa.event.listen(engine, "connect", _begin_nothing)
    sa.event.listen(engine, "begin", _begin_all)
    with engine.begin() as connection:
        _upgrade(connection)
    engine.dispose()


def _upgrade(connection: sa.Connection) -> None:
    alembic = _alembic()
    alembic.attributes["connection"] = connection
    command.upgrade(alembic, "head")


def _alembic() -> Config:
    alembic = Config()
    alembic.set_main_option("script_location", str(MIGRATIONS))
    return alembic


def _begin_nothing(connection: SqliteConnection, record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None


def _begin_all(connection: sa.Connection) -> None:
    connection.exec_driver_sql("begin immediate")
