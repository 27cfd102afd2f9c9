"""Postgres through ADBC: Arrow in by COPY, Arrow out in binary."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from urllib.parse import quote as url_quote
from urllib.parse import urlencode

import pyarrow as pa

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.tables import Table
from la_pipeline_failure_predict.warehouse.base import Warehouse, full_name
from la_pipeline_failure_predict.warehouse.locks import Lock, describe_process

try:
    from adbc_driver_postgresql import dbapi
except ImportError:  # the extra `postgres` is not installed
    dbapi = None


# Of the profile, what libpq takes under the same name.
LIBPQ_OPTIONS = ("connect_timeout", "sslmode", "sslcert", "sslkey", "sslrootcert")
# The timeout of a lock must fit into this.
APPLICATION_NAME_BYTES = 63
# One lock per database; the name in eight bytes, so that no other program takes the same by chance.
LOCK_KEY = int.from_bytes(b"la_pipes", "big")
HOLDER = f"""
    select
        coalesce(nullif(activity.application_name, ''), 'another session') as who,
        activity.usename as user_name,
        to_char(activity.backend_start at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS') as since
    from pg_locks as locks
    inner join pg_stat_activity as activity on locks.pid = activity.pid
    where locks.locktype = 'advisory' and locks.granted and locks.objsubid = 1
        and (cast(locks.classid as bigint) << 32) | cast(locks.objid as bigint) = {LOCK_KEY}
        and activity.datname = current_database()
"""


class PostgresWarehouse(Warehouse):
    """A Postgres database."""

    def __init__(self, credentials: Mapping[str, object]) -> None:
        place = f"{credentials['host']}:{credentials['port']}"
        self.label = f"Postgres database {credentials['database']} at {place}"
        self._in_transaction = False
        if dbapi is None:
            raise UserError(
                "The target is Postgres, but its driver is not installed: "
                'pip install "la_pipeline_failure_predict[postgres]".'
            )
        try:
            self.connection = dbapi.connect(_uri(credentials))
        except Exception as error:
            raise UserError(_explain(credentials, str(error))) from None

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, tuple(parameters) or None)
        if not self._in_transaction:
            self.connection.commit()

    def stream(
        self, sql: str, parameters: Sequence[object] = (), batch_rows: int = 200_000
    ) -> pa.RecordBatchReader:
        """Return the rows of a query as Arrow batches."""
        cursor = self.connection.cursor()
        cursor.execute(sql, tuple(parameters) or None)
        rows = cursor.fetch_record_batch()

        def batches() -> Iterator[pa.RecordBatch]:
            with cursor:  # the stream ends with its cursor, so the cursor lives as long
                yield from rows

        return pa.RecordBatchReader.from_batches(rows.schema, batches())

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a query and return all its rows; ends the read's transaction, and so its locks."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, tuple(parameters) or None)
            rows = cursor.fetch_arrow_table()
        if not self._in_transaction:
            self.connection.commit()
        return rows

    def _append(self, table: Table, rows: pa.RecordBatchReader) -> None:
        with self.connection.cursor() as cursor:
            cursor.adbc_ingest(table.name, rows, mode="append", db_schema_name=table.schema)
        if not self._in_transaction:
            self.connection.commit()

    def analyze(self, table: Table) -> None:
        """Analyze the table: views over it are planned badly otherwise."""
        self.execute(f"analyze {full_name(table)}")

    def _begin(self) -> None:
        self.connection.commit()
        self._in_transaction = True

    def _commit(self) -> None:
        self._in_transaction = False
        self.connection.commit()

    def _rollback(self) -> None:
        self._in_transaction = False
        self.connection.rollback()

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class PostgresLock(Lock):
    """An advisory lock of the database, on a session of its own.

    It outlasts transactions and the time in which dbt works. The server releases it when the
    session ends, also when its process was killed.
    """

    def __init__(self, credentials: Mapping[str, object]) -> None:
        self._session = PostgresWarehouse(credentials)

    def try_acquire(self) -> str | None:
        """Take the lock and return None; if another process has it, return who."""
        if self._session.scalar(f"select pg_try_advisory_lock({LOCK_KEY})"):
            return None
        holders = self._session.query(HOLDER).to_pylist()
        if not holders:  # it has just ended
            return "another session"
        details = f"database user {holders[0]['user_name']}"
        if holders[0]["since"]:  # hidden from users who may not see other users' sessions
            details += f", since {holders[0]['since']} UTC"
        return f"{holders[0]['who']}, {details}"

    def release(self) -> None:
        """End the session, and so the lock."""
        with suppress(Exception):  # a session that was cut off has released it
            self._session.close()


def _uri(credentials: Mapping[str, object]) -> str:
    def part(name: str) -> str:
        return url_quote(str(credentials.get(name) or ""), safe="")

    secret = f":{part('password')}" if credentials.get("password") else ""
    host = part("host")
    address = f"{part('user')}{secret}@{host}:{part('port')}/{part('database')}"
    name = describe_process().encode("ascii", "replace")[:APPLICATION_NAME_BYTES].decode()
    # Keep-alive probes, so that a session that waits while dbt works is not cut off as idle.
    options: dict[str, object] = {
        "connect_timeout": 10,
        "keepalives_idle": 60,
        "application_name": name,
    }
    options |= {name: credentials[name] for name in LIBPQ_OPTIONS if credentials.get(name)}
    return f"postgresql://{address}?{urlencode(options, quote_via=url_quote)}"


def _explain(credentials: Mapping[str, object], message: str) -> str:
    place = f"{credentials['host']}:{credentials['port']}"
    lowered = message.lower()
    if "password" in lowered or "authentication" in lowered:
        return (
            f"Postgres at {place} refused user {credentials['user']}: set "
            "DBT_ENV_SECRET_LA_PIPES_POSTGRES_PASSWORD and LA_PIPES_POSTGRES_USER."
        )
    if "does not exist" in lowered:
        return (
            f"Postgres at {place} has no database {credentials['database']} or no user "
            f"{credentials['user']}: create it, or set LA_PIPES_POSTGRES_DATABASE and "
            "LA_PIPES_POSTGRES_USER."
        )
    if "starting up" in lowered or "recovery" in lowered or "shutting down" in lowered:
        return f"Postgres at {place} is just starting or stopping: run the command again soon."
    return (
        f"Cannot reach Postgres at {place}: start the server, or set LA_PIPES_POSTGRES_HOST and "
        "LA_PIPES_POSTGRES_PORT."
    )
