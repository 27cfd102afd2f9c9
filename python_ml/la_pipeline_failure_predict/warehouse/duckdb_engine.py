"""DuckDB: the embedded default, and the reader of delivered files."""

import re
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import duckdb
import pyarrow as pa
from filelock import FileLock, Timeout

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import write_whole
from la_pipeline_failure_predict.tables import Table
from la_pipeline_failure_predict.warehouse.base import Warehouse, full_name, quote, sql_text
from la_pipeline_failure_predict.warehouse.locks import Lock, describe_holder, wait_for

STORAGE_VERSION = "v1.3.0"
"""The oldest DuckDB that can read the file.

Text is written in two thirds of the time of the default format, which every DuckDB since 0.9 reads.
"""
# DuckDB calls a catalog like its file, and takes these names for something else.
RESERVED_NAMES = frozenset({"main", "memory", "system", "temp", "information_schema", "pg_catalog"})
SCHEMAS = frozenset(
    {"raw", "staging", "intermediate", "core", "features", "ml", "risk", "quality", "powerbi"}
    | {"portal", "seeds", "public"}
)
# `from catalog.schema.table`, the catalog quoted where it must be.
CATALOG_IN_VIEW = re.compile(r'\bfrom (?:"([^"]+)"|(\w+))\.(?:"[^"]+"|\w+)\.', re.IGNORECASE)


class DuckDBWarehouse(Warehouse):
    """A DuckDB file.

    Parameters
    ----------
    wait_s
        How long to wait for another process that has the file open, seconds.
    lock
        Held already; given up when the file is closed.
    """

    _lock: Lock | None = None

    def __init__(
        self,
        path: str,
        threads: int | None = None,
        wait_s: float = 0.0,
        lock: Lock | None = None,
    ) -> None:
        self.label = f"DuckDB file {path}"
        self._lock = lock
        self.connection = _connect(path, wait_s)
        if threads:
            self.connection.execute(f"set threads = {int(threads)}")

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement."""
        self.connection.execute(sql, list(parameters))

    def stream(
        self, sql: str, parameters: Sequence[object] = (), batch_rows: int = 200_000
    ) -> pa.RecordBatchReader:
        """Return the rows of a query as Arrow batches."""
        # A cursor of its own, so that a statement run meanwhile does not end the stream.
        return self.connection.cursor().execute(sql, list(parameters)).to_arrow_reader(batch_rows)

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a query and return all its rows; sees registered rows, which a stream does not."""
        return self.connection.execute(sql, list(parameters)).to_arrow_table()

    def register(self, name: str, rows: pa.Table) -> None:
        """Make Arrow rows readable as a table of that name."""
        self.connection.register(name, rows)

    def _append(self, table: Table, rows: pa.RecordBatchReader) -> None:
        self.connection.register("arrow_rows", rows)
        try:
            # By name, because a column that was added later is the last one, wherever the contract
            # has it.
            self.connection.execute(
                f"insert into {full_name(table)} by name select * from arrow_rows"
            )
        finally:
            self.connection.unregister("arrow_rows")

    def append_query(
        self, table: Table, scratch: Warehouse, sql: str, parameters: Sequence[object] = ()
    ) -> None:
        """Insert the rows of a query; those of its own scratch database stay in the engine."""
        if isinstance(scratch, DuckDBScratch) and scratch.host is self:
            self.connection.execute(
                f"insert into {full_name(table)} by name {sql}", list(parameters)
            )
        else:
            super().append_query(table, scratch, sql, parameters)

    def _begin(self) -> None:
        self.connection.begin()

    def _commit(self) -> None:
        self.connection.commit()

    def _rollback(self) -> None:
        self.connection.rollback()

    def close(self) -> None:
        """Close the file."""
        try:
            self.connection.close()
        finally:
            if self._lock:
                self._lock.release()


class DuckDBBuild(DuckDBWarehouse):
    """A DuckDB file to read alone, whatever it is called now.

    Older versions wrote the name of the file into each view: a copy under another name is attached
    under the old one, or none of its views could be read.
    """

    def __init__(self, path: str) -> None:
        self.label = f"DuckDB file {path}"
        self.connection = duckdb.connect()
        try:
            self._attach(path, "renamed")
            catalog = self._catalog_in_views() or "renamed"
            self.connection.execute("detach renamed")
            self._attach(path, catalog)
        except duckdb.Error as error:
            self.connection.close()
            raise UserError(_explain(path, str(error))) from error
        self.connection.execute(f"use {quote(catalog)}")

    def _attach(self, path: str, catalog: str) -> None:
        self.connection.execute(f"attach {sql_text(path)} as {quote(catalog)} (read_only)")

    def _catalog_in_views(self) -> str | None:
        views = self.connection.execute(
            "select sql from duckdb_views() where database_name = 'renamed' and not internal"
        ).fetchall()
        for (sql,) in views:
            if found := CATALOG_IN_VIEW.search(sql):
                return found[1] or found[2]
        return None


SCRATCH_MEMORY_MB = 600
COLUMN_MEMORY_MB = 0.3
"""Of each column, however few its rows: the blocks of the tables that hold it on its way."""


class DuckDBScratch(DuckDBWarehouse):
    """An empty in-memory database that reads delivered files, whatever the warehouse.

    Parameters
    ----------
    host
        A DuckDB warehouse whose instance it joins, so that rows need not leave the engine to get
        there; None starts an instance of its own.

    Attributes
    ----------
    remarks
        What the reader of a file has noticed and the user should know.
    """

    def __init__(self, host: DuckDBWarehouse | None = None) -> None:
        self.label = "scratch database"
        self.remarks: list[str] = []
        self.host = host
        self.catalog = f"scratch_{uuid.uuid4().hex[:8]}"
        self.connection = host.connection.cursor() if host else duckdb.connect()
        self.connection.execute(f"attach ':memory:' as {self.catalog}")
        self.connection.execute(f"use {self.catalog}")
        self.make_room(columns=0)
        if host is None:  # its own choice would be the current folder
            spilled = Path(tempfile.gettempdir()) / f"la-pipes-{self.catalog}"
            self.connection.execute(f"set temp_directory = {sql_text(str(spilled))}")

    def place(self, relation: str) -> str:
        """Return the full name of a scratch table, as the host sees it."""
        return f"{self.catalog}.main.{quote(relation)}"

    def make_room(self, columns: int) -> None:
        """Bound its memory for tables of so many columns.

        What does not fit goes to disk: a large file takes no more memory than a small one.
        """
        limit = SCRATCH_MEMORY_MB + COLUMN_MEMORY_MB * columns
        self.connection.execute(f"set memory_limit = '{limit:.0f}MB'")

    def drop(self, relation: str) -> None:
        """Drop a scratch table or view if there is one: neither may be replaced by the other."""
        kind = self.scalar(
            "select table_type from information_schema.tables "
            "where table_catalog = $1 and table_name = $2",
            (self.catalog, relation),
        )
        if kind is not None:
            what = "view" if kind == "VIEW" else "table"
            self.execute(f"drop {what} {quote(relation)}")

    def close(self) -> None:
        """Drop everything in it."""
        self.connection.execute("reset memory_limit")
        self.connection.close()
        if self.host:
            self.host.connection.execute(f"detach {self.catalog}")


class DuckDBLock(Lock):
    """A lock file beside the DuckDB file.

    DuckDB lets one process open the file; this lock is held across the moments at which no process
    has, as when `la-pipes run` hands the file to dbt and takes it back.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._note = Path(f"{path}.lock-holder")
        # One per process, counted: a command that holds it may open the file.
        self._file = FileLock(f"{path}.lock", is_singleton=True)

    def try_acquire(self) -> str | None:
        """Take the lock and return None; if another process has it, return who."""
        try:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            self._file.acquire(blocking=False)
        except Timeout:
            return self._holder()
        except OSError as error:
            raise UserError(
                f"Cannot lock the warehouse with {error.filename or self.path} ({error.strerror}): "
                "remove what is in the way, or check the permissions of its folder."
            ) from error
        if self._file.lock_counter == 1:
            with suppress(UserError):  # optional: if the disk is full, the next step reports it
                write_whole(self._note, describe_holder())
        return None

    def release(self) -> None:
        """Release it, once it has been released as often as it was taken."""
        if self._file.lock_counter == 1:
            with suppress(OSError):
                self._note.unlink(missing_ok=True)
        self._file.release()

    def _holder(self) -> str:
        try:
            return self._note.read_text(encoding="utf-8") or "another la-pipes command"
        except OSError:  # it has just ended, or has only just begun
            return "another la-pipes command"


def _connect(path: str, wait_s: float) -> duckdb.DuckDBPyConnection:
    if path != ":memory:" and Path(path).exists() and not Path(path).is_file():
        raise UserError(
            f"{path} is not a file: move it away, or name another with LA_PIPES_DUCKDB_PATH."
        )
    opened: list[duckdb.DuckDBPyConnection] = []

    def attempt() -> str | None:
        try:
            opened.append(
                duckdb.connect(path, config={"storage_compatibility_version": STORAGE_VERSION})
            )
        except duckdb.IOException as error:
            if "lock on file" not in str(error):
                raise
            holder = re.search(r"PID (\d+)", str(error))
            return f"process {holder.group(1)}" if holder else "another process"
        return None

    try:
        if path != ":memory:":
            _check_name(path)
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        wait_for(attempt, wait_s, f"warehouse {path}")
        return opened[0]
    except (duckdb.Error, OSError) as error:
        raise UserError(_explain(path, str(error))) from error


def _check_name(path: str) -> None:
    """Refuse the name of a file that DuckDB or dbt would take for something else."""
    name = Path(path).name
    catalog = name.lstrip(".").split(".")[0]
    if catalog.lower() in RESERVED_NAMES | SCHEMAS:
        raise UserError(
            f"A warehouse cannot be called {name}, because {catalog} is a name within it: give "
            "the file another name, with LA_PIPES_DUCKDB_PATH."
        )
    if "'" in catalog or '"' in catalog:
        raise UserError(
            f"A warehouse cannot be called {name}, because of the quote in it: give the file "
            "another name, with LA_PIPES_DUCKDB_PATH."
        )


# What DuckDB says when it opens a file -> what to tell.
OPENING: Mapping[str, str] = {
    "No space left|File too large": (
        "There is no disk space to open the warehouse {path}: free some, then run again."
    ),
    "not a valid DuckDB": (
        "{path} is not a DuckDB file: move it away, or name another with LA_PIPES_DUCKDB_PATH."
    ),
    "replaying WAL|WAL file|write-ahead": (
        "The file {path}.wal does not belong to {path}: put back the one that was beside it, or "
        "move this one away; what was last written to the warehouse may be missing then."
    ),
    "version number|storage version|newer version": (
        "{path} was written by another version of DuckDB: open it with that version, or make it "
        "again with la-pipes load and run."
    ),
    "[Cc]orrupt|checksum|enough bytes|deserializ|INTERNAL": (
        "{path} is damaged, or was written by another version of DuckDB: put back a copy of it, "
        "or move it away and make it again with la-pipes load and run."
    ),
}


def _explain(path: str, message: str) -> str:
    for pattern, sentence in OPENING.items():
        if re.search(pattern, message):
            return sentence.format(path=path)
    return f"Cannot open the warehouse {path}: check that the folder exists and can be written."
