"""What was loaded: list it, show one load, and withdraw one with everything that came with it."""

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.quarantine import FaultCount, count_faults
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.base import full_name

COLUMNS = (
    "load_id, source_name, table_name, source_file, file_sha256, mapping_sha256, mapping_json, "
    "rows_in_file, rows_loaded, rows_quarantined, loaded_at, extent, part, delivered_at"
)
# What `la-pipes link` found for rows of a load.
LINK_TABLES = ("point_areas", "pipe_soils", "break_pipes", "area_measures")


@dataclass(frozen=True)
class Load:
    """One load: a file's rows for one table, or one attribute of its mains.

    Attributes
    ----------
    loaded_at, withdrawn_at
        UTC, without a zone; `withdrawn_at` is None where the load counts.
    extent, part, delivered_at
        What the delivery is of, see `vintages`; None for what is neither mains nor breaks.
    """

    load_id: str
    source_name: str
    table_name: str
    source_file: str
    file_sha256: str
    mapping_sha256: str | None
    mapping_json: str | None
    rows_in_file: int
    rows_loaded: int
    rows_quarantined: int
    loaded_at: datetime
    extent: str | None = None
    part: str | None = None
    delivered_at: datetime | None = None
    withdrawn_at: datetime | None = None


def list_loads(warehouse: Warehouse, include_withdrawn: bool = False) -> list[Load]:
    """Return the loads, the oldest first."""
    sql = f"select {COLUMNS}, cast(null as timestamp) as withdrawn_at from raw.loads"
    if include_withdrawn:
        sql += f" union all select {COLUMNS}, withdrawn_at from raw.withdrawn_loads"
    rows = warehouse.query(f"{sql} order by loaded_at, table_name, load_id")
    return [Load(**row) for row in rows.to_pylist()]


def find_load(warehouse: Warehouse, load_id: str) -> Load:
    """Return a load, the newest of that name where one was withdrawn and loaded again.

    Raises
    ------
    UserError
        If there never was one.
    """
    found = [load for load in list_loads(warehouse, True) if load.load_id == load_id]
    if not found:
        raise UserError(f"No load {load_id!r} in this warehouse: see la-pipes loads list.")
    return min(found, key=lambda load: (load.withdrawn_at is not None, -load.loaded_at.timestamp()))


def faults_of(warehouse: Warehouse, load: Load) -> list[FaultCount]:
    """Return what is set aside of a load, the most frequent first."""
    return [fault for fault in count_faults(warehouse) if fault.load_id == load.load_id]


def withdraw(warehouse: Warehouse, load_id: str) -> list[Load]:
    """Take out a load and all that was read from its file with it; returns the loads taken out.

    Rows, quarantine, links and the load's record go in one transaction; `raw.withdrawn_loads` keeps
    the record. The file can be loaded again afterwards.

    Raises
    ------
    UserError
        If there is no such load, or it was withdrawn before.
    """
    named = find_load(warehouse, load_id)
    if named.withdrawn_at is not None:
        raise UserError(f"Load {load_id} was withdrawn before, at {named.withdrawn_at:%F %R} UTC.")
    read_together = [
        load
        for load in list_loads(warehouse)
        if (load.source_name, load.file_sha256, load.mapping_sha256)
        == (named.source_name, named.file_sha256, named.mapping_sha256)
    ]
    now = warehouse.moment_after("loads", "loaded_at")
    with warehouse.transaction():
        for load in read_together:
            _take_out(warehouse, load)
        rows = [vars(load) | {"withdrawn_at": now} for load in read_together]
        warehouse.append(warehouse.table("withdrawn_loads"), pa.Table.from_pylist(rows).to_reader())
    return read_together


def _take_out(warehouse: Warehouse, load: Load) -> None:
    landing = full_name(warehouse.table(load.table_name))
    warehouse.execute(f"delete from {landing} where _load_id = $1", (load.load_id,))
    for name in ("quarantine", *LINK_TABLES, "loads"):
        warehouse.execute(
            f"delete from {warehouse.full_name(name)} where load_id = $1", (load.load_id,)
        )
