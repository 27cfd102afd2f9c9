"""Rows set aside at load: list them, write them out to be fixed, and load the fixed ones.

A fixed row takes its place in its delivery, so rows in the file = loaded + quarantined stays true
for every load.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, Field, Json, ValidationError

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import atomic_write
from la_pipeline_failure_predict.load import Provenance, write_landed
from la_pipeline_failure_predict.sources.csv_rows import ROW_NUMBER, SURPLUS, read_csv
from la_pipeline_failure_predict.sources.landing import Landed, land
from la_pipeline_failure_predict.sources.mapping import SourceMapping
from la_pipeline_failure_predict.spreadsheets import (
    as_delivered,
    as_delivered_sql,
    without_formula,
)
from la_pipeline_failure_predict.tables import Table
from la_pipeline_failure_predict.warehouse import Scratch, Warehouse, open_scratch
from la_pipeline_failure_predict.warehouse.base import full_name, quote

NOTES = (
    "quarantine_load_id",
    "quarantine_row_number",
    "quarantine_column",
    "quarantine_rule",
    "quarantine_reason",
)
"""Columns of an exported file that come before those of the delivery."""


@dataclass(frozen=True)
class FaultCount:
    """How many rows of a load break a rule, with one value that does."""

    load_id: str
    table: str
    source_file: str
    column: str
    rule: str
    reason: str
    rows: int
    example: str | None


class _Count(BaseModel):
    """A row of `count_faults`."""

    load_id: str
    table: str = Field(alias="table_name")
    source_file: str
    column: str = Field(alias="column_name")
    rule: str
    reason: str
    rows: int = Field(alias="row_count")
    example: str | None


class _Fault(BaseModel):
    """What is exported of a row of ``raw.quarantine``."""

    load_id: str
    table_name: str
    row_number: int
    column_name: str
    rule: str
    reason: str
    row_json: Json[dict[str, str | None]]


class _Load(BaseModel):
    """What is needed of a row of ``raw.loads`` to load rows of it again."""

    load_id: str
    table_name: str
    source_name: str
    source_file: str
    mapping_json: Json[SourceMapping] | None
    loaded_at: datetime


def _as_written(kind: type[BaseModel], rows: Iterable[Mapping[str, object]]) -> list[dict]:
    """Return rows as what they must be.

    Raises
    ------
    UserError
        If someone else has changed one.
    """
    checked = []
    for row in rows:
        try:
            item = kind.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            raise UserError(
                f"A row that la-pipes wrote about load {row['load_id']} has been changed "
                f"({'.'.join(map(str, first['loc']))}: {first['msg']}): run la-pipes loads "
                f"withdraw {row['load_id']}, and load its file again."
            ) from None
        checked.append({name: getattr(item, name) for name in kind.model_fields})
    return checked


@dataclass(frozen=True)
class Retried:
    """The result for a fixed file; given = fixed + still refused + fixed before."""

    table: str
    source_file: str
    fixed: int
    still_refused: int
    mended_before: int
    left: int

    @property
    def summary(self) -> str:
        """One line for the user."""
        before = f", {self.mended_before:,} had been fixed before" if self.mended_before else ""
        return (
            f"{self.table}: {self.fixed:,} fixed rows of {self.source_file} loaded, "
            f"{self.still_refused:,} still do not fit{before}; {self.left:,} of that file are "
            "quarantined now"
        )


def count_faults(warehouse: Warehouse, include_mended: bool = False) -> list[FaultCount]:
    """Return what is set aside, by load and rule, the most frequent first."""
    rows = warehouse.query(
        "select quarantine.load_id, loads.table_name as table_name, quarantine.source_file, "
        "quarantine.column_name, quarantine.rule, quarantine.reason, count(*) as row_count, "
        "min(quarantine.value) as example "
        "from raw.quarantine as quarantine "
        "inner join raw.loads as loads on quarantine.load_id = loads.load_id "
        + ("" if include_mended else "where quarantine.mended_at is null ")
        + "group by 1, 2, 3, 4, 5, 6 order by 7 desc, 2, 3, 4, 5, 6"
    )
    return [FaultCount(**item) for item in _as_written(_Count, rows.to_pylist())]


def export(warehouse: Warehouse, folder: Path, load_ids: Sequence[str] = ()) -> list[Path]:
    """Write the rows that are set aside, a CSV file per load, one line per row; returns the files.

    Raises
    ------
    UserError
        If a load is named that has nothing set aside.
    """
    rows = warehouse.query(
        "select quarantine.load_id, loads.table_name as table_name, quarantine.row_number, "
        "quarantine.column_name, quarantine.rule, quarantine.reason, quarantine.row_json "
        "from raw.quarantine as quarantine "
        "inner join raw.loads as loads on quarantine.load_id = loads.load_id "
        "where quarantine.mended_at is null "
        "order by quarantine.load_id, quarantine.row_number, quarantine.column_name"
    ).to_pylist()
    loads: dict[str, list[dict]] = {}
    for row in _as_written(_Fault, rows):
        loads.setdefault(row["load_id"], []).append(row)
    for load_id in load_ids:
        if load_id not in loads:
            raise UserError(
                f"Load {load_id!r} has no rows set aside: see la-pipes quarantine list."
            )
    wanted = load_ids or sorted(loads)
    folder.mkdir(parents=True, exist_ok=True)
    return [_write_load(folder, loads[load_id]) for load_id in wanted]


def _write_load(folder: Path, faults: Iterable[dict]) -> Path:
    rows: dict[int, list[dict]] = {}
    for fault in faults:
        rows.setdefault(fault["row_number"], []).append(fault)
    delivered = {number: found[0]["row_json"] for number, found in rows.items()}
    headers = list(dict.fromkeys(name for row in delivered.values() for name in row))
    first = next(iter(rows.values()))[0]
    file = folder / f"{first['table_name']}-{first['load_id']}.csv"
    # With a byte-order mark, so that a spreadsheet knows it is UTF-8.
    with atomic_write(file, encoding="utf-8-sig", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow([*NOTES, *map(without_formula, headers)])
        for number, found in rows.items():
            notes = [
                "; ".join(fault[name] for fault in found)
                for name in ("column_name", "rule", "reason")
            ]
            values = [delivered[number].get(name) for name in headers]
            writer.writerow([found[0]["load_id"], number, *map(without_formula, (*notes, *values))])
    return file


def retry(warehouse: Warehouse, path: Path) -> Retried:
    """Load the fixed rows of an exported file, with the mapping of their delivery.

    Rows that still do not fit stay set aside, with what is wrong now; rows that were fixed before
    are skipped. All or nothing.

    Raises
    ------
    UserError
        If the file is not such an export, or names rows that are not set aside.
    """
    if not path.is_file():
        raise UserError(f"No file {path}: check the path.")
    with open_scratch(warehouse) as scratch:
        try:
            read_csv(scratch, path, "mended_file", ",", path)
        except UnicodeDecodeError:  # as a spreadsheet saves it, if not told otherwise
            raise UserError(f"{path} is not UTF-8 text: save it again as CSV UTF-8.") from None
        load_id = _load_of(scratch, path)
        load = _find_load(warehouse, load_id)
        table = warehouse.table(str(load["table_name"]))
        waiting = _relate_to_quarantine(warehouse, scratch, load_id, path)
        landed = _land(warehouse, scratch, table, load)
        with warehouse.transaction():
            left = _write(warehouse, scratch, table, landed, load)
    return Retried(
        table=table.name,
        source_file=str(load["source_file"]),
        fixed=landed.rows_accepted,
        still_refused=landed.rows_refused,
        mended_before=waiting,
        left=left,
    )


def _load_of(scratch: Scratch, path: Path) -> str:
    names = scratch.query("describe mended_file").column("column_name").to_pylist()
    if not {"quarantine_load_id", "quarantine_row_number"} <= set(names):
        raise UserError(
            f"{path} is not a file of la-pipes quarantine export: it must keep the columns "
            "quarantine_load_id and quarantine_row_number."
        )
    loads = (
        scratch.query("select distinct quarantine_load_id from mended_file").column(0).to_pylist()
    )
    if len(loads) != 1 or loads[0] is None:
        raise UserError(
            f"{path} must name one load in quarantine_load_id, on every row; it names {loads[:3]}."
        )
    return str(loads[0])


def _find_load(warehouse: Warehouse, load_id: str) -> dict:
    found = warehouse.query(
        "select load_id, table_name, source_name, source_file, mapping_json, loaded_at "
        "from raw.loads where load_id = $1",
        (load_id,),
    ).to_pylist()
    if not found:
        raise UserError(f"No load {load_id!r} in this warehouse: check the target.")
    load = _as_written(_Load, found)[0]
    if load["table_name"] not in warehouse.declared:
        raise UserError(f"Load {load_id} is of a table {load['table_name']!r}, which there is not.")
    return load


def _relate_to_quarantine(warehouse: Warehouse, scratch: Scratch, load_id: str, path: Path) -> int:
    """Make `mended_rows` of the rows that are still set aside; returns how many are no longer."""
    known = warehouse.query(
        "select row_number, max(case when mended_at is null then 1 else 0 end) as is_open "
        "from raw.quarantine where load_id = $1 group by 1",
        (load_id,),
    )
    scratch.register("known_rows", known)
    number = "try_cast(mended_file.quarantine_row_number as bigint)"
    strange = scratch.query(
        "select mended_file.quarantine_row_number as given from mended_file left join known_rows "
        f"on {number} = known_rows.row_number where known_rows.row_number is null "
        f"union all select {number}::varchar from mended_file group by 1 having count(*) > 1"
    ).to_pylist()
    if strange:
        raise UserError(
            f"{path} has quarantine_row_number {strange[0]['given']!r}, which is not set aside or "
            "is listed twice: keep that column as it was exported."
        )
    present = scratch.query("describe mended_file").column("column_name").to_pylist()
    values = ", ".join(
        f"{as_delivered_sql(f'mended_file.{quote(name)}')} as {quote(as_delivered(name))}"
        for name in present
        if name not in (*NOTES, ROW_NUMBER)
    )
    scratch.execute(
        f"create table mended_rows as select {number} as _row_number, {values} "
        f"from mended_file inner join known_rows on {number} = known_rows.row_number "
        "where known_rows.is_open = 1"
    )
    _keep_surplus(scratch, set(present))
    given = int(str(scratch.scalar("select count(*) from mended_file")))
    return given - int(str(scratch.scalar("select count(*) from mended_rows")))


def _keep_surplus(scratch: Scratch, present: set[str]) -> None:
    """Keep the surplus values of a ragged row in `mended_rows`: the row may be refused again.

    In an export they have their own column, whose name the reader of CSV reserves.
    """
    exported = f"{SURPLUS}_1"
    if exported not in present:
        return
    if SURPLUS in present:
        both = f"nullif(concat_ws(' | ', {exported}, {SURPLUS}), '')"
        scratch.execute(f"update mended_rows set {SURPLUS} = {both}")
        scratch.execute(f"alter table mended_rows drop column {exported}")
    else:
        scratch.execute(f"alter table mended_rows rename column {exported} to {SURPLUS}")


def _land(warehouse: Warehouse, scratch: Scratch, table: Table, load: dict) -> Landed:
    mapping = load["mapping_json"] or SourceMapping()
    keys = {name for rule in table.rules for name in rule.columns if not name.startswith("_")}
    columns = ", ".join(map(quote, sorted(keys) or ["_row_number"]))
    rows = warehouse.query(
        f"select {columns} from {full_name(table)} where _load_id = $1", (load["load_id"],)
    )
    scratch.register("taken_rows", rows)
    return land(scratch, table, "mended_rows", mapping, "taken_rows")


def _write(
    warehouse: Warehouse,
    scratch: Scratch,
    table: Table,
    landed: Landed,
    load: dict,
) -> int:
    """Write fixed rows and the faults of the others; returns how many rows stay set aside."""
    load_id, now = load["load_id"], datetime.now(UTC).replace(tzinfo=None)
    origin = Provenance(load["source_name"], load["source_file"], load_id, load["loaded_at"])
    write_landed(warehouse, scratch, table, landed, origin, now)
    _close_faults(warehouse, table, load_id, now)
    return _balance(warehouse, table, load_id)


def _close_faults(warehouse: Warehouse, table: Table, load_id: str, now: datetime) -> None:
    """Mark the faults of rows that are in their table now, or refused again with newer faults."""
    stamp = "cast($2 as timestamp)"
    warehouse.execute(
        f"update raw.quarantine set mended_at = {stamp} where load_id = $1 and mended_at is null "
        f"and (row_number in (select _row_number from {full_name(table)} where _load_id = $1) "
        f"or (quarantined_at < {stamp} and row_number in (select row_number from raw.quarantine "
        f"where load_id = $1 and quarantined_at = {stamp})))",
        (load_id, now),
    )


def _balance(warehouse: Warehouse, table: Table, load_id: str) -> int:
    """Bring the load's record up to date; returns how many of its rows stay set aside."""
    loaded = warehouse.scalar(
        f"select count(*) from {full_name(table)} where _load_id = $1", (load_id,)
    )
    left = warehouse.scalar(
        "select count(distinct row_number) from raw.quarantine "
        "where load_id = $1 and mended_at is null",
        (load_id,),
    )
    warehouse.execute(
        "update raw.loads set rows_loaded = $2, rows_quarantined = $3 where load_id = $1",
        (load_id, loaded, left),
    )
    rest = warehouse.scalar(
        "select rows_in_file - rows_loaded - rows_quarantined from raw.loads where load_id = $1",
        (load_id,),
    )
    if rest != 0:
        raise RuntimeError(f"load {load_id}: rows in the file do not add up after the retry")
    return int(str(left))
