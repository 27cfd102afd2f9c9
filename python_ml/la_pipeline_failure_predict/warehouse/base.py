"""What every engine offers: statements, Arrow in and out, and transactions."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import Self

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from la_pipeline_failure_predict.runlog import notice
from la_pipeline_failure_predict.tables import Table

log = logging.getLogger(__name__)

# Both engines read these names, and Postgres' dialect writes them.
SQL_TYPES: dict[str, sa.types.TypeEngine] = {
    "text": sa.Text(),
    "integer": sa.Integer(),
    "bigint": sa.BigInteger(),
    "double precision": sa.Double(),
    "boolean": sa.Boolean(),
    "date": sa.Date(),
    "timestamp": sa.TIMESTAMP(timezone=False),
}
ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double precision": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
# Spellings of the engines' catalogs of the types above.
OTHER_SPELLINGS = {
    "varchar": "text",
    "character varying": "text",
    "int4": "integer",
    "int8": "bigint",
    "double": "double precision",
    "float8": "double precision",
    "bool": "boolean",
    "timestamp without time zone": "timestamp",
}
# Clocks of two computers differ by less.
SKEW = timedelta(minutes=1)


class Warehouse(ABC):
    """An open connection to a warehouse; a context manager that closes it.

    Parameters are written ``$1``, ``$2`` ... in the SQL of either engine.
    """

    label: str
    """What a message calls the warehouse, without secrets."""
    _read_declared: Callable[[], Mapping[str, Table]] = dict

    def declare(self, read: Callable[[], Mapping[str, Table]]) -> Self:
        """Say which tables Python writes; `read` is called when the first one is needed."""
        self._read_declared = read
        return self

    @cached_property
    def declared(self) -> Mapping[str, Table]:
        """Tables that Python writes, by name."""
        return self._read_declared()

    def table(self, name: str) -> Table:
        """Return a declared table by name."""
        return self.declared[name]

    def full_name(self, name: str) -> str:
        """Return the quoted name of a declared table, with its schema."""
        return full_name(self.table(name))

    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement; outside `transaction` it is committed at once."""

    @abstractmethod
    def stream(
        self, sql: str, parameters: Sequence[object] = (), batch_rows: int = 200_000
    ) -> pa.RecordBatchReader:
        """Run a query and return its rows as Arrow batches, without holding them all."""

    @abstractmethod
    def _append(self, table: Table, rows: pa.RecordBatchReader) -> None:
        """Insert rows whose columns are already those of the table."""

    @abstractmethod
    def _begin(self) -> None: ...

    @abstractmethod
    def _commit(self) -> None: ...

    @abstractmethod
    def _rollback(self) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Close the connection and release every lock."""

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a query and return all its rows; for small results."""
        return self.stream(sql, parameters).read_all()

    def scalar(self, sql: str, parameters: Sequence[object] = ()) -> object:
        """Return the first value of the first row, or None without a row."""
        rows = self.query(sql, parameters)
        return rows.column(0)[0].as_py() if rows.num_rows else None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: commit at the end, roll back on any exception."""
        self._begin()
        try:
            yield
        except BaseException:
            # After a full disk or a lost connection the rollback also fails. The first error is the
            # one to report; the engine discards what was not committed.
            try:
                self._rollback()
            except Exception:
                log.exception("rolling back on %s", self.label)
            raise
        self._commit()

    def append(self, table: Table, rows: pa.RecordBatchReader) -> None:
        """Insert rows, cast to the declared types; columns that are missing become null."""
        self._append(table, conform(rows, table))

    def append_query(
        self, table: Table, scratch: "Warehouse", sql: str, parameters: Sequence[object] = ()
    ) -> None:
        """Insert the rows of a query over a scratch database, by the names of its columns."""
        self.append(table, scratch.stream(sql, parameters))

    def analyze(self, table: Table) -> None:  # noqa: B027 - most engines need nothing
        """Bring the statistics of a table up to date, where the engine does not do so itself."""

    def create_declared(self) -> Self:
        """Create the schemas, tables and columns that are declared and missing.

        A column that an older version did not have is added empty.
        """
        rows = self._columns()
        present: dict[tuple[str, str], set[str]] = {}
        for schema, name, column in zip(*(item.to_pylist() for item in rows.columns), strict=True):
            present.setdefault((schema, name), set()).add(column)
        schemas = self.query(
            "select schema_name from information_schema.schemata "
            "where catalog_name = current_database()"
        )
        there = set(schemas.column(0).to_pylist()) | {schema for schema, _ in present}
        missing = list(_missing(list(self.declared.values()), present, there))
        if missing:
            with self.transaction():
                for statement in missing:
                    self.execute(statement)
        return self

    def _columns(self) -> pa.Table:
        """Return the columns of all tables: table_schema, table_name, column_name."""
        return self.query(
            "select table_schema, table_name, column_name from information_schema.columns"
        )

    def moment_after(self, name: str, column: str) -> datetime:
        """Return the time now, UTC without a zone, or one just after the newest in a table.

        Where the newest row counts, what is done last must win, also against a row of a computer
        whose clock is ahead.
        """
        now = datetime.now(UTC).replace(tzinfo=None)
        newest = self.scalar(f"select max({quote(column)}) from {self.full_name(name)}")
        if not isinstance(newest, datetime) or newest < now:
            return now
        if newest - now > SKEW:
            notice(
                f"{self.table(name).schema}.{name} holds the time {newest:%Y-%m-%d %H:%M} UTC, "
                f"which is after this computer's {now:%Y-%m-%d %H:%M}: check the clocks. "
                "What is done now still counts as newer."
            )
        return newest + timedelta(microseconds=1)

    def name_blocker(self) -> str | None:
        """Return a sentence about the session that has locked a table of the warehouse."""
        return None

    def broken_views(self) -> set[str]:
        """Return the names of the views that wait to be built again."""
        return set()

    def relations(self) -> set[str]:
        """Return the names of all tables and views, with their schemas."""
        rows = self.query("select table_schema, table_name from information_schema.tables")
        return {f"{row['table_schema']}.{row['table_name']}" for row in rows.to_pylist()}

    def has_table(self, schema: str, name: str) -> bool:
        """Whether a table or view of that name exists."""
        found = self.scalar(
            "select count(*) from information_schema.tables "
            "where table_schema = $1 and table_name = $2",
            (schema, name),
        )
        return bool(found)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def type_name(data_type: str) -> str:
    """Return the ANSI name of a type that a catalog spells in the engine's way."""
    lowered = data_type.lower()
    return OTHER_SPELLINGS.get(lowered, lowered)


def quote(identifier: str) -> str:
    """Quote an identifier for SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def sql_text(value: object) -> str:
    """Return a SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def full_name(table: Table) -> str:
    """Return the quoted name of a table, with its schema."""
    return f"{quote(table.schema)}.{quote(table.name)}"


def create_statement(table: Table) -> str:
    """Return the DDL of a table as its contract declares it.

    Keys are tested by dbt, not enforced, so that bulk loads stay fast and both engines behave the
    same.
    """
    columns = [
        sa.Column(sa.sql.quoted_name(c.name, True), SQL_TYPES[c.sql_type], nullable=not c.required)
        for c in table.columns
    ]
    declared = sa.Table(
        sa.sql.quoted_name(table.name, True),
        sa.MetaData(schema=sa.sql.quoted_name(table.schema, True)),
        *columns,
    )
    statement = sa.schema.CreateTable(declared, if_not_exists=True)
    return str(statement.compile(dialect=postgresql.dialect()))


def _missing(
    declared: Sequence[Table], present: Mapping[tuple[str, str], set[str]], schemas: set[str]
) -> Iterator[str]:
    """Yield the DDL of the schemas, tables and columns that are not there."""
    for schema in sorted({table.schema for table in declared} - schemas):
        yield f"create schema if not exists {quote(schema)}"
    for table in declared:
        columns = present.get((table.schema, table.name))
        if columns is None:
            yield create_statement(table)
            continue
        for column in table.columns:
            if column.name not in columns:
                yield (
                    f"alter table {full_name(table)} "
                    f"add column {quote(column.name)} {column.sql_type}"
                )


def arrow_schema(table: Table) -> pa.Schema:
    """Return the Arrow schema of a table."""
    return pa.schema([(column.name, ARROW_TYPES[column.sql_type]) for column in table.columns])


def conform(rows: pa.RecordBatchReader, table: Table) -> pa.RecordBatchReader:
    """Return the rows with the table's columns, in order and of the declared types."""
    schema = arrow_schema(table)
    present = set(rows.schema.names)

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in rows:
            arrays = [
                batch.column(field.name).cast(field.type)
                if field.name in present
                else pa.nulls(batch.num_rows, field.type)
                for field in schema
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())
