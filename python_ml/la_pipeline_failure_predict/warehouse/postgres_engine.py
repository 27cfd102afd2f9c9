"""Postgres through ADBC: Arrow in by COPY, Arrow out in binary."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import quote as url_quote
from urllib.parse import urlencode

import pyarrow as pa

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.tables import Table
from la_pipeline_failure_predict.warehouse.base import Warehouse, full_name
from la_pipeline_failure_predict.warehouse.faults import explain_fault
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
# Postgres 13 and older have no idle_session_timeout, and are not tested.
OLDEST_VERSION = 14
# The settings of a session, whatever its role and database have: waits end, and a session that
# waits while dbt or a model works is not ended as idle.
SETTINGS = """
    select
        set_config('lock_timeout', '{wait_ms}', false) as lock_timeout,
        set_config('client_min_messages', 'error', false) as messages,
        set_config('idle_session_timeout', '0', false) as idle_session,
        set_config('idle_in_transaction_session_timeout', '0', false) as idle_in_transaction
"""
# Waits that are shorter would also end on autovacuum, which gives way after a second.
SHORTEST_WAIT_S = 2.0
LOCKED = "55P03"
# Who holds locks on the tables of the database, the strongest first.
BLOCKERS = """
    select
        cast(cast(locks.relation as regclass) as text) as relation,
        coalesce(nullif(activity.application_name, ''), 'a session') as who,
        activity.usename as user_name,
        activity.pid,
        coalesce(activity.state, 'working') as state
    from pg_locks as locks
    inner join pg_stat_activity as activity on locks.pid = activity.pid
    inner join pg_class as relations on locks.relation = relations.oid
    inner join pg_namespace as namespaces on relations.relnamespace = namespaces.oid
    where locks.granted
        and activity.datname = current_database()
        and activity.application_name <> current_setting('application_name')
        and namespaces.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    order by
        array_position(
            array['AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock'],
            locks.mode
        ) nulls last,
        locks.relation
    limit 1
"""
# Views that lost a column they read: macros/materializations/keeping_views.sql.
BROKEN_VIEWS = """
    select schemaname || '.' || viewname from pg_views
    where definition like '%has to be built again, because%'
"""
COLUMNS = """
    select
        cast(namespaces.nspname as text) as table_schema,
        cast(relations.relname as text) as table_name,
        cast(attributes.attname as text) as column_name
    from pg_class as relations
    inner join pg_namespace as namespaces on relations.relnamespace = namespaces.oid
    inner join pg_attribute as attributes on relations.oid = attributes.attrelid
    where relations.relkind in ('r', 'p', 'v', 'm', 'f')
        and attributes.attnum > 0 and not attributes.attisdropped
        and namespaces.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
"""


class PostgresWarehouse(Warehouse):
    """A Postgres database.

    Parameters
    ----------
    wait_s
        How long to wait for a table that another session has locked, seconds.
    """

    def __init__(self, credentials: Mapping[str, object], wait_s: float = 60.0) -> None:
        place = f"{credentials['host']}:{credentials['port']}"
        self.label = f"Postgres database {credentials['database']} at {place}"
        self._in_transaction = False
        if dbapi is None:
            raise UserError(
                "The target is Postgres, but its driver is not installed: "
                'pip install "la_pipeline_failure_predict[postgres]".'
            )
        self._uri = _uri(credentials)
        try:
            self.connection = dbapi.connect(self._uri)
        except Exception as error:
            raise UserError(_explain(credentials, str(error))) from None
        try:
            self._check_server(str(credentials["database"]))
            self._set_up(credentials.get("role"), wait_s)
        except BaseException:
            self.close()
            raise

    def _check_server(self, database: str) -> None:
        (server,) = self.query(
            "select current_setting('server_encoding') as encoding, "
            "cast(current_setting('server_version_num') as integer) / 10000 as version"
        ).to_pylist()
        if server["encoding"] != "UTF8":
            raise UserError(
                f"Database {database} stores text as {server['encoding']}, which has no letters of "
                "other alphabets: make one with create database ... encoding 'UTF8' template "
                "template0, and name it with LA_PIPES_POSTGRES_DATABASE."
            )
        if server["version"] < OLDEST_VERSION:
            raise UserError(
                f"{self.label} runs Postgres {server['version']}: use {OLDEST_VERSION} or newer."
            )

    def _set_up(self, role: object, wait_s: float) -> None:
        if role:
            self.execute(f"set role {role}")  # unquoted, as dbt does
        self.query(SETTINGS.format(wait_ms=round(1000 * max(wait_s, SHORTEST_WAIT_S))))

    @contextmanager
    def _naming_blockers(self) -> Iterator[None]:
        """Say who has locked a table that could not be had in time."""
        try:
            yield
        except dbapi.Error as error:
            if error.sqlstate != LOCKED:
                raise
            again = "A table was locked by another session: run the command again."
            raise UserError(self.name_blocker() or again) from error

    def name_blocker(self) -> str | None:
        """Return a sentence about the session that has locked a table of the warehouse."""
        with dbapi.connect(self._uri) as connection, connection.cursor() as cursor:
            cursor.execute(BLOCKERS)
            rows = cursor.fetch_arrow_table().to_pylist()
        if not rows:  # it has just ended
            return None
        return (
            "{relation} is locked by {who} (database user {user_name}, process {pid}, {state}): "
            "end its transaction, or the session with select pg_terminate_backend({pid}), then run "
            "the command again. The former state is intact."
        ).format_map(rows[0])

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement."""
        with self._naming_blockers(), self.connection.cursor() as cursor:
            cursor.execute(sql, tuple(parameters) or None)
        if not self._in_transaction:
            self.connection.commit()

    def stream(
        self, sql: str, parameters: Sequence[object] = (), batch_rows: int = 200_000
    ) -> pa.RecordBatchReader:
        """Return the rows of a query as Arrow batches."""
        with self._naming_blockers():
            cursor = self.connection.cursor()
            cursor.execute(sql, tuple(parameters) or None)
            rows = cursor.fetch_record_batch()

        def batches() -> Iterator[pa.RecordBatch]:
            with cursor:  # the stream ends with its cursor, so the cursor lives as long
                yield from rows

        return pa.RecordBatchReader.from_batches(rows.schema, batches())

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a query and return all its rows; ends the read's transaction, and so its locks."""
        with self._naming_blockers(), self.connection.cursor() as cursor:
            cursor.execute(sql, tuple(parameters) or None)
            rows = cursor.fetch_arrow_table()
        if not self._in_transaction:
            self.connection.commit()
        return rows

    def _append(self, table: Table, rows: pa.RecordBatchReader) -> None:
        with self._naming_blockers(), self.connection.cursor() as cursor:
            cursor.adbc_ingest(table.name, rows, mode="append", db_schema_name=table.schema)
        if not self._in_transaction:
            self.connection.commit()

    def analyze(self, table: Table) -> None:
        """Analyze the table: views over it are planned badly otherwise."""
        self.execute(f"analyze {full_name(table)}")

    def _columns(self) -> pa.Table:
        # Not information_schema, which hides what the user may not read: it would be made again.
        return self.query(COLUMNS)

    def broken_views(self) -> set[str]:
        """Return the names of the views that wait to be built again."""
        return set(self.query(BROKEN_VIEWS).column(0).to_pylist())

    def has_table(self, schema: str, name: str) -> bool:
        """Whether a table or view of that name exists, also one that the user may not read."""
        found = self.scalar(
            "select count(*) from pg_class as relations inner join pg_namespace as namespaces "
            "on relations.relnamespace = namespaces.oid "
            "where nspname = $1 and relname = $2 and relkind in ('r', 'p', 'v', 'm', 'f')",
            (schema, name),
        )
        return bool(found)

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

    def __init__(self, credentials: Mapping[str, object], wait_s: float = 60.0) -> None:
        self._session = PostgresWarehouse(credentials, wait_s)

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

    def is_held(self) -> bool:
        """Whether the session is there: nothing else can release the lock."""
        try:
            return bool(self._session.scalar("select true"))
        except Exception:
            return False

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
        "client_encoding": "UTF8",
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
    if "canceling statement" in lowered and (fault := explain_fault(message)):
        return fault
    if "too many" in lowered or "connection slots" in lowered:
        return (
            f"Postgres at {place} lets in no more connections: wait until others have ended, or "
            "raise its limit, then run the command again."
        )
    if "permission denied for database" in lowered or "no pg_hba.conf entry" in lowered:
        return (
            f"Postgres at {place} does not let user {credentials['user']} into database "
            f"{credentials['database']}: let an administrator grant connect, or allow it in "
            "pg_hba.conf."
        )
    if "starting up" in lowered or "recovery" in lowered or "shutting down" in lowered:
        return f"Postgres at {place} is just starting or stopping: run the command again soon."
    return (
        f"Cannot reach Postgres at {place}: start the server, or set LA_PIPES_POSTGRES_HOST and "
        "LA_PIPES_POSTGRES_PORT."
    )
