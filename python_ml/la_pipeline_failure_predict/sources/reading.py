"""Read delivered files into text columns, each row with its position in the file."""

import codecs
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from pyproj import CRS, Geod, Transformer

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.sources.archives import unpacked
from la_pipeline_failure_predict.sources.csv_rows import MALFORMED, SURPLUS, read_csv
from la_pipeline_failure_predict.sources.mapping import SourceMapping
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import quote, sql_text

VECTOR_SUFFIXES = {".geojson", ".json", ".gpkg", ".shp", ".gdb", ".fgb"}
PARQUET_SUFFIXES = {".parquet", ".pq"}
WGS84 = CRS.from_epsg(4326)


def read_file(
    scratch: Scratch, path: Path, relation: str, mapping: SourceMapping, encoding: str = "utf-8"
) -> None:
    """Create a scratch table of text columns and `_row_number` from a file.

    Parameters
    ----------
    relation
        Name of the scratch table.
    encoding
        Encoding of a text file that is not UTF-8, unless the mapping names one.

    Raises
    ------
    UserError
        If the file is missing, empty, of an unreadable encoding, truncated or has no rows.
    """
    _check_present(path)
    suffix = path.suffix.lower()
    if suffix in VECTOR_SUFFIXES:
        scratch.register("vector_rows", read_vector(path))
        _create(scratch, relation, "vector_rows")
    elif suffix == ".zip":
        with unpacked(path) as folder:
            read_file(scratch, _table_in(folder, path), relation, mapping, encoding)
    elif suffix in PARQUET_SUFFIXES:
        _create(scratch, relation, f"read_parquet({sql_text(path)})", path)
    else:
        with utf8_copy(path, mapping.encoding or encoding) as readable:
            read_csv(scratch, readable, relation, mapping.delimiter, path)
    if not scratch.scalar(f"select count(*) from {relation}"):
        raise UserError(f"{path} has no rows: ask for the delivery again, or leave it out.")


def _table_in(folder: Path, archive: Path) -> Path:
    """Return the one file of an unpacked archive that holds a table or a map layer."""
    kinds = VECTOR_SUFFIXES | PARQUET_SUFFIXES | {".csv"}
    found = [item for item in sorted(folder.rglob("*")) if item.suffix.lower() in kinds]
    # The files of a shapefile and the inside of a geodatabase are not tables of their own.
    found = [item for item in found if not any(up.suffix == ".gdb" for up in item.parents)]
    if len(found) != 1:
        listed = ", ".join(item.name for item in found[:5]) or "nothing that can be read"
        raise UserError(f"{archive} holds {listed}: unpack it and name one file.")
    return found[0]


def headers(scratch: Scratch, relation: str) -> list[str]:
    """Return the headers of a scratch table, in order, without the row number."""
    columns = scratch.query(f"describe {relation}").column("column_name").to_pylist()
    return [name for name in columns if name not in ("_row_number", MALFORMED, SURPLUS)]


def to_wgs84(crs: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude (degrees) of coordinates in another system.

    Raises
    ------
    UserError
        If the system is not known.
    """
    try:
        transformer = Transformer.from_crs(crs, WGS84, always_xy=True)
    except Exception as error:
        raise UserError(
            f"Unknown coordinate system {crs!r} in the mapping: write it as EPSG:26917."
        ) from error
    longitude, latitude = transformer.transform(x, y)
    return np.asarray(longitude), np.asarray(latitude)


def _check_present(path: Path) -> None:
    if not path.exists():
        raise UserError(f"No file {path}: check the path.")
    if path.is_file() and path.stat().st_size == 0:
        raise UserError(f"{path} is empty: fetch it again.")


def _create(scratch: Scratch, relation: str, origin: str, path: Path | None = None) -> None:
    try:
        scratch.execute(f"create or replace view origin_rows as select * from {origin}")
        columns = scratch.query("describe origin_rows").column("column_name").to_pylist()
        texts = ", ".join(f"cast({quote(name)} as varchar) as {quote(name)}" for name in columns)
        scratch.execute(
            f"create or replace table {relation} as "
            f"select row_number() over () as _row_number, {texts} from origin_rows"
        )
    except UserError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{path} cannot be read ({reason[:160]}): the file looks truncated or is of another "
            "kind than its name says; fetch it again."
        ) from None


@contextmanager
def utf8_copy(path: Path, fallback: str) -> Iterator[Path]:
    """Yield a path with the file's text in UTF-8: the file itself, or a temporary copy.

    Raises
    ------
    UserError
        If the file is neither UTF-8 nor of the fallback encoding.
    """
    bad_byte = _first_bad_byte(path, "utf-8")
    if bad_byte is None:
        yield path
        return
    if _first_bad_byte(path, fallback) is not None:
        raise UserError(
            f"{path} is not {fallback} text (byte {bad_byte}): name its encoding in a mapping, "
            "for example `encoding: latin-1`."
        )
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        with (
            path.open(encoding=fallback, newline="") as old,
            copy.open("w", encoding="utf-8", newline="") as new,
        ):
            shutil.copyfileobj(old, new, 1 << 20)
        yield copy


def _first_bad_byte(path: Path, encoding: str) -> int | None:
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError:
        raise UserError(
            f"Unknown encoding {encoding!r}: use a name that Python knows, such as latin-1."
        ) from None
    position = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return position + error.start
            position += len(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return position - 1
    return None


def read_vector(path: Path, layer: str | None = None) -> pa.Table:
    """Read a vector file: attributes as they are, geometry as WGS 84 text and measures."""
    try:
        meta, rows = pyogrio.read_arrow(path, layer=layer)
    except Exception as error:
        raise UserError(
            f"{path} cannot be read as a map layer ({str(error).splitlines()[0][:120]}): "
            "fetch it again."
        ) from None
    geometry_name = meta["geometry_name"] or "wkb_geometry"
    attributes = _expand_objects(rows.drop_columns([geometry_name]))
    shapes = shapely.from_wkb(rows.column(geometry_name).to_numpy(zero_copy_only=False))
    if meta["crs"] and CRS.from_user_input(meta["crs"]) != WGS84:
        transformer = Transformer.from_crs(meta["crs"], WGS84, always_xy=True)
        shapes = shapely.transform(shapes, transformer.transform, interleaved=False)
    for name, values in _measures(shapes).items():
        if name not in attributes.column_names:
            attributes = attributes.append_column(name, values)
    return attributes


def _measures(shapes: np.ndarray) -> dict[str, pa.Array]:
    """Return the geometry as text and, for points and lines, the contract's coordinates."""
    columns = {"geometry_wkt": pa.array(shapely.to_wkt(shapes, rounding_precision=7))}
    kinds = set(shapely.get_type_id(shapes[~shapely.is_missing(shapes)]).tolist())
    if kinds == {0}:
        columns |= {
            "longitude": pa.array(shapely.get_x(shapes)),
            "latitude": pa.array(shapely.get_y(shapes)),
        }
    if kinds and kinds <= {1, 5}:
        lines = shapely.line_merge(shapes)
        lines = np.where(shapely.get_type_id(lines) == 5, shapely.get_geometry(lines, 0), lines)
        for end, index in (("start", 0), ("end", -1)):
            point = shapely.get_point(lines, index)
            columns[f"{end}_longitude"] = pa.array(shapely.get_x(point))
            columns[f"{end}_latitude"] = pa.array(shapely.get_y(point))
        geod = Geod(ellps="WGS84")
        columns["length_m"] = pa.array(
            [None if shape is None else geod.geometry_length(shape) for shape in shapes]
        )
    return columns


def _expand_objects(rows: pa.Table) -> pa.Table:
    """Spread attributes that hold a JSON object into columns named ``attribute.key``."""
    for name in rows.column_names:
        values = rows.column(name).to_pylist()
        first = next((value for value in values if value is not None), None)
        if not (isinstance(first, str) and first.lstrip().startswith("{")):
            continue
        try:
            objects = [json.loads(value) if value else {} for value in values]
        except json.JSONDecodeError:
            continue
        keys = list(dict.fromkeys(key for item in objects for key in item))
        for key in keys:
            texts = [None if item.get(key) is None else str(item[key]) for item in objects]
            rows = rows.append_column(f"{name}.{key}", pa.array(texts, pa.string()))
    return rows
