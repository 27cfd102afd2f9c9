"""Bring the database of accounts up to date."""

from pathlib import Path
from sqlite3 import Connection as SqliteConnection

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from filelock import FileLock
from sqlalchemy.pool import ConnectionPoolEntry

from la_pipeline_failure_predict.portal.config import PortalConfig

MIGRATIONS = Path(__file__).parents[1] / "migrations"


@sa.event.listens_for(sa.engine.Engine, "connect")
def _set_up(connection: object, record: ConnectionPoolEntry) -> None:
    if isinstance(connection, SqliteConnection):
        # Readers go on while one writes.
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma busy_timeout = 5000")
        connection.execute("pragma foreign_keys = on")


def migrate(config: PortalConfig) -> None:
    """Create the tables of the accounts, or change them to this version's."""
    with FileLock(config.folder / ".accounts.lock"):
        if not config.accounts_file.exists():
            config.accounts_file.touch(mode=0o600)
        engine = sa.create_engine(config.accounts_url)
        # Python's driver would commit before each change of a table, and a version that fails or is
        # killed would be half there.
        sa.event.listen(engine, "connect", _begin_nothing)
        sa.event.listen(engine, "begin", _begin_all)
        with engine.begin() as connection:
            alembic = Config()
            alembic.set_main_option("script_location", str(MIGRATIONS))
            alembic.attributes["connection"] = connection
            command.upgrade(alembic, "head")
        engine.dispose()


def _begin_nothing(connection: SqliteConnection, record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None


def _begin_all(connection: sa.Connection) -> None:
    connection.exec_driver_sql("begin immediate")
