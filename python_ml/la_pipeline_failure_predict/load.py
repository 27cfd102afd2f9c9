"""Load deliveries into the landing tables: once each, all rows accounted for, all or nothing."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.load_notes import notes_on_load
from la_pipeline_failure_predict.rejects import DEFAULT_LIMIT, RejectLimit
from la_pipeline_failure_predict.sources.archives import delivered_files, file_inside
from la_pipeline_failure_predict.sources.attributes import ATTRIBUTES_TABLE, land_attributes
from la_pipeline_failure_predict.sources.landing import Landed, land
from la_pipeline_failure_predict.sources.mapping import SourceMapping, read_mapping
from la_pipeline_failure_predict.sources.places import network_extent, odd_places
from la_pipeline_failure_predict.sources.providers import Source, find_source
from la_pipeline_failure_predict.sources.remarks import TOTAL_ROW
from la_pipeline_failure_predict.tables import Table
from la_pipeline_failure_predict.vintages import UNSAID, Vintage, count_changes, restate, settle
from la_pipeline_failure_predict.warehouse import Scratch, Warehouse, open_scratch
from la_pipeline_failure_predict.warehouse.base import quote, sql_text
from la_pipeline_failure_predict.warehouse.faults import explain_error

log = logging.getLogger(__name__)

LONGEST_KEY = 1000
"""Characters of a refused row's identifier that are kept."""


@dataclass(frozen=True)
class Loaded:
    """The result of one file for one landing table.

    rows_in_file = rows_loaded + rows_quarantined, also when the file had been loaded before. Of an
    attribute, the rows that have a value count.
    """

    table: str
    source_file: str
    rows_in_file: int
    rows_loaded: int
    rows_quarantined: int
    was_loaded_before: bool
    ignored_headers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    attribute: str = ""
    changes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line for the user, and one more for each thing that is suspect."""
        counts = f"{self.rows_in_file:,} rows in {self.source_file}"
        name = f"{self.table} {self.attribute}".strip()
        if self.was_loaded_before:
            return "\n  ".join((f"{name}: {counts}, loaded before", *self.changes))
        text = (
            f"{name}: {counts} = {self.rows_loaded:,} loaded + "
            f"{self.rows_quarantined:,} quarantined"
        )
        if self.rows_quarantined:
            text += " (see la-pipes quarantine list)"
        if self.ignored_headers:
            count = len(self.ignored_headers)
            text += f"; {count} {'header' if count == 1 else 'headers'} not in the contract"
        warnings = (f"warning: {warning}" for warning in self.warnings)
        return "\n  ".join((text, *self.changes, *warnings))


@dataclass(frozen=True)
class Provenance:
    """Where landed rows come from, as each of them says.

    `loaded_at` is UTC, without a zone.
    """

    source_name: str
    source_file: str
    load_id: str
    loaded_at: datetime


@dataclass(frozen=True)
class _Delivery:
    """A file with what identifies it."""

    source: Source
    path: Path
    mapping: SourceMapping
    mapping_sha256: str | None
    file_sha256: str
    vintage: Vintage

    def load_id(self, part: "_Part") -> str:
        parts = [part.table.name, self.file_sha256, self.mapping_sha256 or ""]
        parts += [part.attribute] if part.attribute else []
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Part:
    """What a file holds for one table; each attribute is a part of its own."""

    table: Table
    landed: Landed
    mapping: SourceMapping
    attribute: str = ""


def load_files(
    warehouse: Warehouse,
    source_name: str,
    paths: Sequence[Path],
    mapping_path: Path | None = None,
    max_rejects: RejectLimit | None = None,
    vintage: Vintage = UNSAID,
) -> Iterator[Loaded]:
    """Load files of one source, one transaction per file.

    The warehouse must be open for writing. A file that was loaded before, with the same mapping, is
    skipped.

    Parameters
    ----------
    max_rejects
        The most rows of a file that may be set aside; None is the default, a tenth.
    vintage
        What is said of the deliveries, before what the mapping says; a file that was loaded before
        gets these terms too.

    Raises
    ------
    UserError
        If the source or mapping is unknown, a file cannot be read, or too many of its rows are
        refused; nothing of that file is kept.
    """
    source = find_source(source_name)
    vintage.check(source_name)
    mapping, mapping_sha256 = SourceMapping(), None
    if mapping_path is not None:
        mapping = read_mapping(mapping_path, source_name)
        mapping_sha256 = _sha256([mapping_path])
    for path in paths:
        _check_path(path, source)
    for path in paths:
        seconds = [
            file_inside(path.parent, lookup.file, Path(f"the lookup {lookup.name}"))
            for lookup in mapping.lookups
        ]
        part_read = mapping.layer if mapping.sheet is None else mapping.sheet
        digest = _sha256([path, *seconds], part_read)
        delivery = _Delivery(source, path, mapping, mapping_sha256, digest, vintage)
        yield from _load_file(warehouse, delivery, max_rejects or DEFAULT_LIMIT)


def _check_path(path: Path, source: Source) -> None:
    if not path.exists():
        raise UserError(f"No file {path}: check the path.")
    if path.is_dir() and not source.is_folder and path.suffix.lower() != ".gdb":
        raise UserError(f"{path} is a folder: name the files in it.")
    if not path.is_dir() and not path.is_file():
        raise UserError(f"{path} is not an ordinary file: copy its contents into one.")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UserError(f"The name {str(path)!r} is not UTF-8: rename the file.") from None


def _load_file(
    warehouse: Warehouse,
    delivery: _Delivery,
    max_rejects: RejectLimit,
) -> Iterator[Loaded]:
    before = list(_loaded_before(warehouse, delivery))
    if before:
        yield from before
        return
    with open_scratch(warehouse) as scratch:
        landed = _land_file(warehouse, scratch, delivery)
        odd: dict[str, tuple[str, ...]] = {}
        for part in landed:
            _check_rejects(scratch, part.landed, delivery, max_rejects)
            network = network_extent(warehouse, part.table)
            places = odd_places(scratch, part.table, part.landed.accepted, network)
            odd[part.table.name] = tuple(places)
        with warehouse.transaction():
            told = [_write(warehouse, scratch, part, delivery) for part in landed]
    for part, changes in zip(landed, told, strict=True):
        table, rows = part.table, part.landed
        warehouse.analyze(table)
        log.info("loaded %s rows of %s into %s", rows.rows_accepted, delivery.path, table.name)
        yield Loaded(
            table=table.name,
            attribute=part.attribute,
            source_file=delivery.path.name,
            rows_in_file=rows.rows_in_file,
            rows_loaded=rows.rows_accepted,
            rows_quarantined=rows.rows_refused,
            was_loaded_before=False,
            ignored_headers=rows.ignored_headers,
            warnings=(
                *rows.warnings,
                *odd[table.name],
                *notes_on_load(warehouse, table, delivery.load_id(part)),
            ),
            changes=changes,
        )


def _land_file(warehouse: Warehouse, scratch: Scratch, delivery: _Delivery) -> list[_Part]:
    """Read a file into the scratch database; an error is a fault of the file or of the machine."""
    try:
        relations = delivery.source.read(scratch, delivery.path, delivery.mapping)
        mapping, tables = delivery.mapping, warehouse.declared
        parts = [
            _Part(tables[name], land(scratch, tables[name], relation, mapping), mapping)
            for name, relation in relations.items()
        ]
        attributes = land_attributes(scratch, tables, relations.get("pipes", ""), mapping)
        parts += [
            _Part(tables[ATTRIBUTES_TABLE], found.landed, found.mapping, found.name)
            for found in attributes
        ]
        return parts
    except UserError:
        raise
    except Exception as error:
        if explain_error(error):
            raise
        log.exception("reading %s", delivery.path)
        raise UserError(
            f"{delivery.path} cannot be read as {delivery.source.name} "
            f"({first_line(error)}): check the source's name, the mapping and that "
            "the file is complete."
        ) from error


def _check_rejects(
    scratch: Scratch, landed: Landed, delivery: _Delivery, limit: RejectLimit
) -> None:
    """Refuse a file if too many rows do not fit, or if none does, which means a wrong mapping."""
    totals = scratch.scalar(
        f"select count(distinct _row_number) from {landed.refused} "
        f"where reason = {sql_text(TOTAL_ROW)}"
    )
    # A total is no row that does not fit.
    rows = landed.rows_in_file - int(str(totals))
    refused = landed.rows_refused - int(str(totals))
    if refused == 0 or (landed.rows_accepted and limit.allows(refused, rows)):
        return
    worst = scratch.query(
        f"select reason, min(value) as value from {landed.refused} group by 1 "
        "order by count(*) desc, 1 limit 1"
    ).to_pylist()[0]
    example = f" (for example {worst['value'][:80]!r})" if worst["value"] else ""
    how_many = f"{refused:,} of the {rows:,} rows of {delivery.path} do not fit"
    if not landed.rows_accepted:
        how_many = f"None of the {rows:,} rows of {delivery.path} fits"
    allowed, instead = "", ""
    if landed.rows_accepted:
        allowed = f", more than --max-rejects {limit} allows"
        instead = f", or load the other rows with --max-rejects {refused}"
    raise UserError(
        f"{how_many}{allowed}: mostly, {worst['reason']}{example}. Fix the mapping or ask for the "
        f"delivery again{instead}. Nothing was loaded."
    )


def _loaded_before(warehouse: Warehouse, delivery: _Delivery) -> Iterator[Loaded]:
    """Yield the loads of a file and mapping, if any, with the terms that are said now."""
    loads = warehouse.query(
        "select load_id, table_name, rows_in_file, rows_loaded, rows_quarantined from raw.loads "
        "where source_name = $1 and file_sha256 = $2 and coalesce(mapping_sha256, '') = $3 "
        "order by table_name",
        (delivery.source.name, delivery.file_sha256, delivery.mapping_sha256 or ""),
    ).to_pylist()
    if not loads:
        return
    with warehouse.transaction():
        is_restated = restate(warehouse, [load["load_id"] for load in loads], delivery.vintage)
    for load in loads:
        changes = count_changes(warehouse, load["load_id"], load["table_name"])
        is_told = changes and (is_restated or changes.is_read_again)
        yield Loaded(
            table=load["table_name"],
            source_file=delivery.path.name,
            rows_in_file=load["rows_in_file"],
            rows_loaded=load["rows_loaded"],
            rows_quarantined=load["rows_quarantined"],
            was_loaded_before=True,
            changes=changes.lines if changes and is_told else (),
        )


def write_landed(
    warehouse: Warehouse,
    scratch: Scratch,
    table: Table,
    landed: Landed,
    origin: Provenance,
    now: datetime,
) -> None:
    """Write the accepted rows into their table and the faults of the others into quarantine.

    Within the caller's transaction.

    Parameters
    ----------
    now
        When the faults were found, UTC without a zone.
    """
    file, load_id = origin.source_file, origin.load_id
    # In a fixed order; otherwise DuckDB writes many short row groups, and then all of them again.
    warehouse.append_query(
        table,
        scratch,
        "select *, $1 as _source_file, $2 as _load_id, cast($3 as timestamp) as _loaded_at "
        f"from {scratch.place(landed.accepted)} order by _row_number",
        (file, load_id, origin.loaded_at),
    )
    warehouse.append_query(
        warehouse.table("quarantine"),
        scratch,
        "select $1 as source_file, $2 as load_id, cast($3 as timestamp) as quarantined_at, "
        "$4 as source_name, _row_number as row_number, column_name, value, rule, reason, "
        f"row_json, row_key from {scratch.place(landed.refused)} "
        f"left join (select _row_number, {_row_key(table)} as row_key "
        f"from {scratch.place(landed.typed)}) as keys using (_row_number)",
        (file, load_id, now, origin.source_name),
    )


def _write(
    warehouse: Warehouse,
    scratch: Scratch,
    part: _Part,
    delivery: _Delivery,
) -> tuple[str, ...]:
    """Write rows, refused rows and the load's record, within the file's transaction.

    Returns what it changes, a line each.
    """
    table, landed = part.table, part.landed
    if landed.rows_in_file != landed.rows_accepted + landed.rows_refused:
        raise RuntimeError(f"{delivery.path}: rows in the file do not add up")
    load_id, now = delivery.load_id(part), warehouse.moment_after("loads", "loaded_at")
    origin = Provenance(delivery.source.name, delivery.path.name, load_id, now)
    write_landed(warehouse, scratch, table, landed, origin, now)
    record = {
        "load_id": load_id,
        "source_name": delivery.source.name,
        "table_name": table.name,
        "source_file": delivery.path.name,
        "file_sha256": delivery.file_sha256,
        "mapping_sha256": delivery.mapping_sha256,
        "mapping_json": part.mapping.model_dump_json(by_alias=True, exclude_defaults=True),
        "record_from": delivery.mapping.record.start,
        "record_until": delivery.mapping.record.end,
        "rows_in_file": landed.rows_in_file,
        "rows_loaded": landed.rows_accepted,
        "rows_quarantined": landed.rows_refused,
        "loaded_at": now,
        **settle(
            warehouse,
            delivery.source.name,
            delivery.file_sha256,
            delivery.vintage,
            delivery.mapping.extent,
            now,
        ),
    }
    warehouse.append(warehouse.table("loads"), pa.Table.from_pylist([record]).to_reader())
    changes = count_changes(warehouse, load_id, table.name)
    return changes.lines if changes else ()


def _row_key(table: Table) -> str:
    """Return SQL of the identifier that a row of a table must not share with another one."""
    for rule in table.rules:
        columns = [name for name in rule.columns if not table.column(name).is_lineage]
        if rule.kind == "repeated" and len(columns) == 1:
            return f"left(replace({quote(columns[0])}, chr(0), ''), {LONGEST_KEY})"
    return "cast(null as text)"


def _sha256(paths: Sequence[Path], part_read: str | int | None = None) -> str:
    """Digest the content of deliveries, in the order of their files.

    Parameters
    ----------
    part_read
        The layer or sheet that is read: another one is not another reading of the same rows.
    """
    digest = hashlib.sha256(str("" if part_read is None else part_read).encode())
    for path in paths:
        for file in delivered_files(path):
            try:
                with file.open("rb") as content:
                    digest.update(hashlib.file_digest(content, "sha256").digest())
            except OSError as error:
                raise UserError(
                    f"{file} cannot be read ({error.strerror}): check its permissions."
                ) from None
    return digest.hexdigest()
