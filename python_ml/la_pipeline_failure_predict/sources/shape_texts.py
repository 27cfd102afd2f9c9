"""Take places and lengths from the one column of a delivery that holds shapes, however written."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from la_pipeline_failure_predict.sources.mapping import ColumnRule, SourceMapping, plain_spelling
from la_pipeline_failure_predict.sources.shapes import (
    HEX,
    MEASURES,
    PLACE,
    WGS84,
    in_degrees,
    is_outside_degrees,
    measure,
    project_shapes,
    read_texts,
)
from la_pipeline_failure_predict.tables import Table
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import quote, sql_text

SHAPE = "geometry_wkt"
"""Column of the contract that keeps a shape as well-known text."""
MAPPED_AS = (SHAPE, "geometry")
"""Names by which a mapping says which header holds the shapes, of any table with places."""
USUAL_HEADERS = frozenset(
    (
        *("thegeom", "geom", "geometry", "wkt", "wkb", "shape", "geojson", "geoshape", "geo"),
        *("geopoint", "geopoint2d", "wkbgeometry", "wktgeometry", "geomwkt", "wktgeom"),
        *("ogrgeometry", "point", "location", "geolocation", "georeference", "coordinates"),
        *("latlon", "latlng", "line", "multiline"),
    )
)
WORDS = "POINT|LINESTRING|POLYGON|MULTI|GEOMETRYCOLLECTION|CIRCULARSTRING|COMPOUND|CURVEPOLYGON"
A_SHAPE = re.compile(rf"(?i)^\s*(SRID\s*=\s*\d+\s*;)?\s*({WORDS})|{HEX}|^\s*\{{\s*[\"']|{PLACE}")
PLAIN = r"^\s*(MULTI)?(POINT|LINESTRING|POLYGON)\s*\("
"""Well-known text as the warehouse keeps it."""
ROWS_AT_ONCE = 20_000


def find_shapes(
    scratch: Scratch, delivered: str, table: Table, present: Sequence[str], mapping: SourceMapping
) -> ColumnRule | None:
    """Return how the shapes of a delivery are read; None where no header holds any.

    A header that the mapping does not name must be called as such headers are, and its first value
    must look like a shape.
    """
    columns = {column.name for column in table.delivered}
    if columns.isdisjoint((SHAPE, *MEASURES)):
        return None
    for name in MAPPED_AS:
        if name in mapping.columns:
            return mapping.columns[name]
    for header in present:
        if header == SHAPE or (
            plain_spelling(header) in USUAL_HEADERS
            and _looks_like_shapes(scratch, delivered, header)
        ):
            return ColumnRule.model_validate(header)
    return None


def _looks_like_shapes(scratch: Scratch, delivered: str, header: str) -> bool:
    first = scratch.scalar(
        f"select {quote(header)} from {delivered} where {quote(header)} is not null limit 1"
    )
    return first is not None and A_SHAPE.search(str(first)) is not None


def take_from_shapes(
    scratch: Scratch,
    delivered: str,
    typed: str,
    table: Table,
    text: str,
    fills: Sequence[str],
    crs: str | None,
) -> int:
    """Fill columns of the typed rows from their shapes, and keep these as plain text in degrees.

    Parameters
    ----------
    text
        SQL of a shape's text, over `delivered`.
    fills
        Columns that no header fills.
    crs
        System of shapes that name none and cannot be degrees.

    Returns
    -------
    How many texts are no shape.
    """
    keeps_shapes = any(column.name == SHAPE for column in table.delivered)
    wanted = f"{text} is not null"
    if not fills and crs is None:  # nothing to be done where the text is plain already
        wanted = f"not regexp_matches({text}, {sql_text(PLAIN)}, 'i')" if keeps_shapes else "false"
    set_columns = [*fills, *([SHAPE] if keeps_shapes else [])]
    scratch.execute(
        "create or replace table found_in_shapes (at_row bigint, geometry_wkt varchar, "
        + ", ".join(f"{name} double" for name in MEASURES)
        + ")"
    )
    unreadable = 0
    rows = scratch.stream(
        f"select _row_number as at_row, {text} as shape from {scratch.place(delivered)} "
        f"as delivered where {wanted}",
        batch_rows=ROWS_AT_ONCE,
    )
    for batch in rows:
        found, missing = _found(batch, crs)
        unreadable += missing
        scratch.register("found_now", found)
        scratch.execute("insert into found_in_shapes by name from found_now")
    assigned = ", ".join(
        f"{name} = coalesce(found.{name}, {typed}.{name})"
        if name == SHAPE
        else f"{name} = found.{name}"
        for name in set_columns
    )
    if assigned:
        scratch.execute(
            f"update {typed} set {assigned} from found_in_shapes as found "
            f"where {typed}._row_number = found.at_row"
        )
    return unreadable


def _found(batch: pa.RecordBatch, crs: str | None) -> tuple[pa.Table, int]:
    """Return what a batch of texts holds; a text is null where it may stay as it is."""
    texts = batch.column("shape")
    shapes, codes = read_texts(texts)
    with np.errstate(invalid="ignore"):
        placed = _in_place(shapes, codes, crs)
        is_line = np.isin(shapely.get_type_id(placed), (1, 5))
        # A length on Earth is only that of a line in degrees.
        measurable = placed.copy()
        measurable[is_line & is_outside_degrees(placed)] = None
        columns = measure(measurable)
    is_plain = pc.match_substring_regex(texts.cast(pa.string()), f"(?i){PLAIN}")
    stays = shapely.is_missing(placed) | (
        is_plain.to_numpy(zero_copy_only=False).astype(bool) & (placed == shapes)
    )
    placed[stays] = None
    kept = shapely.to_wkt(placed, rounding_precision=7, output_dimension=2)
    rows = pa.table(
        {"at_row": batch.column("at_row"), SHAPE: pa.array(kept, pa.string())} | columns
    )
    return rows, int(shapely.is_missing(shapes).sum())


def _in_place(shapes: np.ndarray, codes: np.ndarray, crs: str | None) -> np.ndarray:
    """Return shapes in degrees of WGS 84, none where a text names a system that there is not."""
    placed = shapes.copy()
    unnamed = codes == 0
    if crs is not None:
        placed[unnamed] = project_shapes(shapes[unnamed], crs)
    for code in np.unique(codes[~unnamed]):
        of_code = codes == code
        system = _system(int(code))
        if system is None:
            placed[of_code] = None
        elif system != WGS84:
            placed[of_code] = in_degrees(shapes[of_code], system)
    return placed


def _system(code: int) -> CRS | None:
    """Return the coordinate system of a code, which is EPSG's or, in ArcGIS, of its own."""
    for authority in ("EPSG", "ESRI"):
        try:
            return CRS.from_authority(authority, code)
        except CRSError:
            continue
    return None
