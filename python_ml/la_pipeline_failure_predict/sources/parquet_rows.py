"""Read Parquet: moments as they are written, shapes of GeoParquet as those of a map layer."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from la_pipeline_failure_predict.sources.batches import append_batches
from la_pipeline_failure_predict.sources.csv_rows import ROW_NUMBER, distinct_names, file_text
from la_pipeline_failure_predict.sources.layers import BATCH_ROWS, known_system, with_shapes
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import quote, sql_text

DEGREES = "OGC:CRS84"
"""System of a GeoParquet file that names none."""
FIXED_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")


@dataclass(frozen=True)
class _Shapes:
    """The column of a GeoParquet file that holds its shapes, and their system as declared."""

    column: str
    system: object


def read_parquet(scratch: Scratch, path: Path, relation: str, crs: str | None) -> None:
    """Create a scratch table of text columns and `_row_number` from a Parquet file.

    Parameters
    ----------
    crs
        System of shapes that cannot be degrees, in a file that says they are or says nothing.
    """
    schema = pq.read_schema(path)
    shapes = _shapes(schema)
    origin = f"read_parquet({file_text(path)}, hive_partitioning = false)"
    kinds = scratch.query(f"describe select * from {origin}").to_pylist()
    names = [kind["column_name"] for kind in kinds]
    scratch.make_room(len(names))
    texts = [_text(kind["column_name"], kind["column_type"], schema, shapes) for kind in kinds]
    if shapes is None:
        listed = _listed(texts, distinct_names(names))
        scratch.drop(relation)
        scratch.execute(
            f"create table {relation} as "
            f"select row_number() over () as {ROW_NUMBER}, {listed} from {origin}"
        )
    else:
        rows = scratch.stream(f"select {_listed(texts, names)} from {origin}", (), BATCH_ROWS)
        append_batches(scratch, relation, _with_shapes(rows, shapes, crs, path))


def _listed(texts: Sequence[str], names: Sequence[str]) -> str:
    pairs = zip(texts, names, strict=True)
    return ", ".join(f"{text} as {quote(name)}" for text, name in pairs)


def _with_shapes(
    batches: Iterable[pa.RecordBatch], shapes: _Shapes, crs: str | None, path: Path
) -> Iterator[pa.Table]:
    system = known_system(shapes.system)
    for batch in batches:
        rows = pa.Table.from_batches([batch])
        binary = rows.column(shapes.column)
        yield with_shapes(rows.drop_columns([shapes.column]), binary, system, crs, path)


def _shapes(schema: pa.Schema) -> _Shapes | None:
    try:
        geo = json.loads((schema.metadata or {}).get(b"geo", b""))
        name = geo["primary_column"]
        column = geo["columns"][name]
        is_binary = column["encoding"] == "WKB" and name in schema.names
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return _Shapes(name, column.get("crs", DEGREES)) if is_binary else None


def _text(name: str, kind: str, schema: pa.Schema, shapes: _Shapes | None) -> str:
    """Return SQL of a column's text; of the shapes, their binary."""
    column = quote(name)
    if kind.startswith("GEOMETRY"):
        column, kind = f"st_aswkb({column})", "BLOB"
    if shapes is not None and name == shapes.column:
        return column
    if kind == "BLOB":
        return f"hex({column})"
    if kind == "TIMESTAMP WITH TIME ZONE":
        place = schema.get_field_index(name)
        zone = getattr(schema.field(place).type, "tz", None) if place >= 0 else None
        column = _as_written(column, zone or "UTC")
    return f"cast({column} as varchar)"


def _as_written(column: str, zone: str) -> str:
    """Return SQL of a moment on the clocks of the zone that the file names."""
    offset = FIXED_OFFSET.fullmatch(zone)
    if offset is None:
        return f"timezone({sql_text(zone)}, {column})"
    minutes = int(f"{offset[1]}{int(offset[2]) * 60 + int(offset[3])}")
    return f"timezone('UTC', {column}) + to_minutes({minutes})"
