"""Write what the portal shows to an immutable snapshot, and make it the current one."""

import hashlib
import os
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
from filelock import FileLock, Timeout

from la_pipeline_failure_predict import __version__
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import sha256_of
from la_pipeline_failure_predict.portal.config import PRIVATE
from la_pipeline_failure_predict.portal.data.exposures import EXPOSURES, SCHEMA
from la_pipeline_failure_predict.portal.data.store import (
    DATABASE,
    FORMAT,
    MANIFEST,
    TILES,
    Manifest,
    Store,
)
from la_pipeline_failure_predict.portal.tiles.build import build as build_tiles
from la_pipeline_failure_predict.portal.tiles.layers import NOT_SCORED
from la_pipeline_failure_predict.powerbi import SCHEMA as POWERBI
from la_pipeline_failure_predict.powerbi.warehouse_views import read_view_types
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.base import ARROW_TYPES, quote, sql_text

PORTAL = "portal"
PUBLISHED = "published"
"""Schema of the tables of a snapshot: a query that does not go through the scope finds none."""
# Readers of Power BI; the portal has accounts.
LEFT_OUT_VIEWS = frozenset({"area_readers"})
# The tables of lines and shapes have them.
LEFT_OUT_COLUMNS = frozenset({"line_wkt", "outline_wkt"})
# Tables are read in the order in which they are written.
ORDERS: Mapping[str, str] = {
    "pipe_risk": 'risk_rank nulls last, pipe_id collate "C"',
    "pipes": 'pipe_id collate "C"',
    "pipe_lines": 'pipe_id collate "C"',
    "pipe_breaks": 'pipe_id collate "C", broke_on, break_key collate "C"',
    "pipe_reason_codes": 'pipe_id collate "C", reason_rank',
    "replacement_plan": 'plan_rank nulls last, project_id collate "C"',
}
# Made in the snapshot. The factors of a main are relative to the geometric mean of the network,
# each main weighing its length: an account with some areas could not compute it.
DERIVED: Mapping[str, str] = {
    "network_rate": f"""
        select
            any_value(run_id) as run_id,
            exp(sum(ln(expected_breaks_per_km) * length_m) / sum(length_m)) as breaks_per_km
        from {PUBLISHED}.pipe_risk
        where expected_breaks_per_km > 0 and length_m > 0
    """,
}
# Of the map: mains that are in the ground, in the layers of portal/tiles/layers.py.
LINES = f"""
    select
        coalesce(risk.risk_class_code, '{NOT_SCORED}') as layer,
        lines.pipe_id,
        lines.area_id,
        lines.line_wkt
    from {PUBLISHED}.pipe_lines as lines
    inner join {PUBLISHED}.pipes as pipes on lines.pipe_id = pipes.pipe_id
    left join {PUBLISHED}.pipe_risk as risk on lines.pipe_id = risk.pipe_id
    where pipes.is_in_service
    order by lines.pipe_id
"""
MEMORY_MB = 400

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Source:
    """A view of the warehouse, and the columns of it that are published."""

    schema: str
    name: str
    columns: pa.Schema

    @property
    def query(self) -> str:
        """All rows, in the order in which the portal reads them."""
        columns = ", ".join(quote(field.name) for field in self.columns)
        order = f" order by {ORDERS[self.name]}" if self.name in ORDERS else ""
        return f"select {columns} from {self.schema}.{quote(self.name)}{order}"


@dataclass(frozen=True)
class Published:
    """The current snapshot, and whether it was written now."""

    manifest: Manifest
    is_new: bool


def publish(
    warehouse: Warehouse,
    folder: Path,
    exposures: pa.Table | None = None,
    force: bool = False,
    progress: Progress = lambda done, total, what: None,
    only: Collection[str] | None = None,
) -> Published:
    """Publish the views of the warehouse, unless the current snapshot holds the same.

    Killed at any moment, the current snapshot is the old one or the new one. What is left over is
    removed by the next call.

    Parameters
    ----------
    folder
        Of the snapshots; made where it is missing.
    exposures
        Reports and notebooks that dbt declares; none by default.
    force
        Publish also what has not changed.
    progress
        Told tables done, tables in all and the table under way.
    only
        Tables to publish; None for all.

    Raises
    ------
    UserError
        If there are no views, another publish is under way, or the folder cannot be written.
    """
    sources = [one for one in read_sources(warehouse) if only is None or one.name in only]
    declared = SCHEMA.empty_table() if exposures is None else exposures
    fingerprint = read_fingerprint(warehouse, sources, declared)
    store = Store(folder)
    with _only_publisher(folder):
        store.remove_leftovers()
        current = store.current()
        if current and current.fingerprint == fingerprint and not force:
            return Published(current, is_new=False)
        manifest = _write(warehouse, store, sources, declared, fingerprint, progress)
        store.switch(manifest.snapshot_id)
        store.remove_old()
    return Published(manifest, is_new=True)


def read_sources(warehouse: Warehouse) -> list[Source]:
    """Return what is published: the views for Power BI, lines and shapes.

    Raises
    ------
    UserError
        If the views are not built.
    """
    return [
        Source(
            schema,
            name,
            pa.schema(
                [
                    (column, ARROW_TYPES[kind])
                    for column, kind in types.items()
                    if schema == PORTAL or column not in LEFT_OUT_COLUMNS
                ]
            ),
        )
        for schema in (POWERBI, PORTAL)
        for name, types in read_view_types(warehouse, schema).items()
        if name not in LEFT_OUT_VIEWS
    ]


def read_fingerprint(warehouse: Warehouse, sources: list[Source], exposures: pa.Table) -> str:
    """Return a digest of what decides the rows: the last run's steps, checks and exposures."""
    steps = warehouse.query(
        "select step_name, fingerprint, cast(finished_at as text) as finished_at from raw.steps "
        "where step_name in ('build', 'publish') order by step_name"
    )
    # dbt records its tests, whoever types it.
    checked = warehouse.scalar("select cast(max(checked_at) as text) from powerbi.data_quality")
    shapes = [(source.name, str(source.columns)) for source in sources]
    parts = (FORMAT, __version__, steps.to_pylist(), checked, shapes, exposures.to_pylist())
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@contextmanager
def _only_publisher(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise UserError(
            f"Another la-pipes portal publish writes to {folder}: wait until it has ended."
        ) from None
    except OSError as error:
        raise UserError(
            f"Cannot write a snapshot to {folder} ({error.strerror or error}): name a folder that "
            "can be written and has space, with LA_PIPES_PORTAL_DIR."
        ) from error


def _write(
    warehouse: Warehouse,
    store: Store,
    sources: list[Source],
    exposures: pa.Table,
    fingerprint: str,
    progress: Progress,
) -> Manifest:
    """Write a whole snapshot beside the others, and return its manifest."""
    moment = datetime.now(UTC)
    snapshot_id = f"{moment:%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}"
    unfinished = store.folder / f".new-{snapshot_id}"
    unfinished.mkdir()
    file, tiles = unfinished / DATABASE, unfinished / TILES
    with _new_database(file) as snapshot:
        rows = {}
        for number, source in enumerate(sources):
            progress(number, len(sources), source.name)
            rows[source.name] = _copy(warehouse, snapshot, source)
        rows[EXPOSURES] = _insert(snapshot, EXPOSURES, exposures)
        for name, sql in DERIVED.items():
            rows[name] = _create(snapshot, name, sql)
        progress(len(sources), len(sources), "map")
        build_tiles(snapshot.execute(LINES).to_arrow_table(), tiles)
        as_of_date, run_ids = _read_runs(snapshot)
    for written in (file, tiles):
        _keep(written)
    manifest = Manifest(
        format=FORMAT,
        snapshot_id=snapshot_id,
        fingerprint=fingerprint,
        published_at=moment.isoformat(timespec="seconds"),
        as_of_date=as_of_date,
        run_ids=run_ids,
        rows=rows,
        sha256={written.name: sha256_of(written) for written in (file, tiles)},
        versions={"la-pipes": __version__, "duckdb": duckdb.__version__},
    )
    (unfinished / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    unfinished.rename(store.folder / snapshot_id)
    return manifest


@contextmanager
def _new_database(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(file))
    try:
        connection.execute(f"set memory_limit = '{MEMORY_MB}MB'")
        connection.execute(f"set temp_directory = {sql_text(str(file.with_suffix('.tmp')))}")
        connection.execute(f"create schema {PUBLISHED}")
        yield connection
    finally:
        # Writes what is in its log to the file.
        connection.close()


def _copy(warehouse: Warehouse, snapshot: duckdb.DuckDBPyConnection, source: Source) -> int:
    """Copy the rows of a view, a batch at a time; returns how many."""
    reader = warehouse.stream(source.query)
    batches = (batch.cast(source.columns) for batch in reader)
    rows = pa.RecordBatchReader.from_batches(source.columns, batches)
    return _insert(snapshot, source.name, rows)


def _insert(
    snapshot: duckdb.DuckDBPyConnection, name: str, rows: pa.RecordBatchReader | pa.Table
) -> int:
    snapshot.register("arrow_rows", rows)
    try:
        return _create(snapshot, name, "select * from arrow_rows")
    finally:
        snapshot.unregister("arrow_rows")


def _create(snapshot: duckdb.DuckDBPyConnection, name: str, query: str) -> int:
    (count,) = snapshot.execute(f"create table {PUBLISHED}.{quote(name)} as {query}").fetchall()[0]
    return int(count)


def _read_runs(snapshot: duckdb.DuckDBPyConnection) -> tuple[str | None, Mapping[str, str]]:
    """Return the day from which breaks are predicted, and the published run of each grain."""
    runs = snapshot.execute(
        f"""
        select 'area_month' as grain, any_value(run_id) as run_id, null as as_of_date
        from {PUBLISHED}.joined_risk_view
        where run_id is not null
        union all
        select 'pipe' as grain, any_value(run_id) as run_id, max(as_of_date) as as_of_date
        from {PUBLISHED}.pipe_risk
        order by grain
        """
    ).fetchall()
    days = [day.isoformat() for *_, day in runs if day is not None]
    return (days[0] if days else None), {grain: run for grain, run, _ in runs if run is not None}


def _keep(file: Path) -> None:
    """Have the system write a file to disk."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
