"""SQLAlchemy addresses of the warehouses, for libraries that speak no Arrow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb_engine
import sqlalchemy as sa
from sqlalchemy.dialects import registry

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse.open import read_connection
from la_pipeline_failure_predict.warehouse.postgres_engine import LIBPQ_OPTIONS


@dataclass(frozen=True)
class Address:
    """Where SQLAlchemy finds a warehouse; `options` are those of ``create_engine``."""

    url: str = field(repr=False)
    options: Mapping[str, Any]


def read_address(settings: Settings) -> Address:
    """Return the address of the target's warehouse, to read from.

    Raises
    ------
    UserError
        If the profile or target is missing, or the engine is not known.
    """
    connection = read_connection(settings)
    address = ADDRESSES.get(connection.engine)
    if address is None:
        raise UserError(
            f"Target {connection.target} uses {connection.engine}; la-pipes checks "
            f"{' and '.join(sorted(ADDRESSES))}."
        )
    return address(settings.root, connection.credentials)


def _duckdb(root: Path, credentials: Mapping[str, object]) -> Address:
    registry.register("duckdb.readonly", __name__, "ReadOnlyDuckDB")
    path = root / str(credentials["path"])
    url = sa.URL.create("duckdb+readonly", database=str(path))
    return Address(
        url.render_as_string(hide_password=False),
        {"connect_args": {"read_only": True}, "pool_reset_on_return": None},
    )


def _postgres(root: Path, credentials: Mapping[str, object]) -> Address:
    options = {name: str(credentials[name]) for name in LIBPQ_OPTIONS if credentials.get(name)}
    host = str(credentials["host"])
    # A socket's folder has no place before the slash of a URL.
    query = options | ({"host": host} if host.startswith("/") else {})
    url = sa.URL.create(
        "postgresql+psycopg2",
        username=str(credentials["user"]),
        password=str(credentials.get("password") or "") or None,
        host=None if host.startswith("/") else host,
        port=int(str(credentials["port"])),
        database=str(credentials["database"]),
        query=query,
    )
    return Address(url.render_as_string(hide_password=False), {})


ADDRESSES: Mapping[str, Callable[[Path, Mapping[str, object]], Address]] = {
    "duckdb": _duckdb,
    "postgres": _postgres,
}

_TYPES: Mapping[str, sa.types.TypeEngine] = {
    "VARCHAR": sa.Text(),
    "DOUBLE": sa.Double(),
    "BIGINT": sa.BigInteger(),
    "INTEGER": sa.Integer(),
    "DATE": sa.Date(),
    "BOOLEAN": sa.Boolean(),
    "TIMESTAMP": sa.TIMESTAMP(),
}


class ReadOnlyDuckDB(duckdb_engine.Dialect):
    """DuckDB for readers that look tables up, as duckdb-engine cannot under SQLAlchemy 2.1.

    Its SQL is Postgres', and so is its name here: readers then use what they know of Postgres,
    such as ``~`` for patterns.
    """

    name = "postgresql"
    supports_statement_cache = False

    # Results are read after their connection went back to the pool; with nothing written, there is
    # no transaction to end, and ending one would end them.
    def do_begin(self, dbapi_connection: object) -> None:
        """Do nothing."""

    def do_rollback(self, dbapi_connection: object) -> None:
        """Do nothing."""

    def do_commit(self, dbapi_connection: object) -> None:
        """Do nothing."""

    def get_columns(
        self,
        connection: sa.Connection,
        table_name: str,
        schema: str | None = None,
        **options: object,
    ) -> list[dict[str, Any]]:
        """Return the columns of a table or view, from the information schema."""
        rows = connection.execute(
            sa.text(
                "select column_name, data_type, is_nullable from information_schema.columns "
                "where table_name = :name and table_schema = :schema order by ordinal_position"
            ),
            {"name": table_name, "schema": schema or "main"},
        )
        return [
            {
                "name": name,
                "type": _TYPES.get(str(kind), sa.types.NullType()),
                "nullable": nullable == "YES",
                "default": None,
            }
            for name, kind, nullable in rows.fetchall()
        ]

    def has_table(
        self,
        connection: sa.Connection,
        table_name: str,
        schema: str | None = None,
        **options: object,
    ) -> bool:
        """Whether a table or view of that name exists."""
        return bool(self.get_columns(connection, table_name, schema))
