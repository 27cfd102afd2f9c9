"""The one way to a snapshot: its current version, and of it what an account may see."""

import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from la_pipeline_failure_predict.portal.data.publish import PUBLISHED
from la_pipeline_failure_predict.portal.data.store import (
    CURRENT,
    SNAPSHOT_ID,
    Manifest,
    Store,
)
from la_pipeline_failure_predict.portal.tiles.read import read_tile
from la_pipeline_failure_predict.warehouse.base import quote

log = logging.getLogger(__name__)

# An account with some areas sees of these what concerns the city as a whole. Of every other table
# without areas it sees nothing.
OF_THE_CITY = frozenset(
    {"dates", "climate_monthly", "calibration", "capture_curve", "exposures", "network_rate"}
)
WORD = re.compile(r"[a-z_]+")
Row = dict[str, Any]
T = TypeVar("T")
MEMORY_MB = 300
THREADS = 2


@dataclass(frozen=True)
class Snapshot:
    """An open snapshot; closed when nobody reads it any more."""

    store: Store
    manifest: Manifest
    connection: duckdb.DuckDBPyConnection
    tables: Mapping[str, frozenset[str]]
    """Columns of each table."""
    kept: dict[object, Any] = field(default_factory=dict)
    """Answers that stay the same, such as the choices of a filter within some areas."""


class Snapshots:
    """The current snapshot of a folder, taken up when another one is published."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._mark: object = None
        self._snapshot: Snapshot | None = None

    def current(self) -> Snapshot | None:
        """Return the current snapshot; None while nothing is published."""
        mark = self._read_mark()
        if mark != self._mark:
            with self._lock:
                if mark != self._mark:
                    self._take_up(mark)
        return self._snapshot

    def _read_mark(self) -> object:
        try:
            status = (self._store.folder / CURRENT).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino

    def _take_up(self, mark: object) -> None:
        """Open what is current now; what was open stays if it cannot be opened."""
        try:
            manifest = self._store.current()
            if manifest is None:
                return
            self._snapshot = open_snapshot(self._store, manifest)
            self._mark = mark
        except duckdb.Error:
            log.exception("opening the current snapshot")


def open_snapshot(store: Store, manifest: Manifest) -> Snapshot:
    """Open a snapshot to read it, without a way to anything else on the machine."""
    connection = duckdb.connect(
        str(store.database(manifest.snapshot_id)),
        read_only=True,
        config={
            "enable_external_access": "false",
            "memory_limit": f"{MEMORY_MB}MB",
            "threads": str(THREADS),
            "lock_configuration": "true",
        },
    )
    columns = connection.execute(
        "select table_name, list(column_name) from duckdb_columns() "
        f"where schema_name = '{PUBLISHED}' group by table_name"
    ).fetchall()
    tables = {name: frozenset(names) for name, names in columns}
    return Snapshot(store, manifest, connection, tables)


@dataclass(frozen=True)
class Reader:
    """A snapshot as an account sees it.

    Queries name tables without a schema, and find of each the rows of the account's areas: the
    tables themselves are in a schema that no query names.

    Attributes
    ----------
    area_ids
        Areas that the account may see; None for all.
    """

    snapshot: Snapshot
    area_ids: frozenset[str] | None

    @property
    def manifest(self) -> Manifest:
        """What the snapshot holds."""
        return self.snapshot.manifest

    @property
    def sees_all_areas(self) -> bool:
        """Whether figures of the whole city are the account's."""
        return self.area_ids is None

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """Return what is the same for everybody with these areas, made once for a snapshot."""
        key = (name, self.area_ids)
        if key not in self.snapshot.kept:
            self.snapshot.kept[key] = make()
        kept: T = self.snapshot.kept[key]
        return kept

    def rows(self, sql: str, **parameters: object) -> list[Row]:
        """Return the rows of a query; its parameters are named `$name`."""
        found = self._run(sql, parameters)
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def row(self, sql: str, **parameters: object) -> Row | None:
        """Return the first row of a query, None where there is none."""
        found = self.rows(sql, **parameters)
        return found[0] if found else None

    def stream(self, sql: str, batch_rows: int, **parameters: object) -> pa.RecordBatchReader:
        """Return the rows of a query, a batch at a time."""
        return self._run(sql, parameters).to_arrow_reader(batch_rows)

    def tile(self, snapshot_id: str, zoom: int, x: int, y: int) -> bytes | None:
        """Return a tile of the map, compressed with gzip; None where there is nothing to see.

        A map that was opened before the newest publish goes on with its own snapshot.
        """
        file = self.snapshot.store.tiles(snapshot_id)
        if not SNAPSHOT_ID.fullmatch(snapshot_id) or not file.is_file():
            return None
        return read_tile(file, zoom, x, y, self.area_ids)

    def _run(self, sql: str, parameters: Mapping[str, object]) -> duckdb.DuckDBPyConnection:
        if PUBLISHED in sql:
            raise ValueError(f"a query that names the schema {PUBLISHED} goes round the areas")
        named = sorted(set(WORD.findall(sql)) & set(self.snapshot.tables))
        scoped = ",\n".join(f"{name} as ({self._select(name)})" for name in named)
        bound = dict(parameters)
        if "$account_areas" in scoped:
            bound["account_areas"] = sorted(self.area_ids or ())
        # A cursor of its own, because requests run side by side.
        return self.snapshot.connection.cursor().execute(f"with {scoped}\n{sql}", bound)

    def _select(self, table: str) -> str:
        everything = f"select * from {PUBLISHED}.{quote(table)}"
        if self.area_ids is None or table in OF_THE_CITY:
            return everything
        if "area_id" not in self.snapshot.tables[table]:
            return f"{everything} where false"
        return f"{everything} where list_contains($account_areas, area_id)"
