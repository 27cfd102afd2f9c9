"""Shapes: from binary and text into degrees, with the measures that the contract takes."""

import json
import struct
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import CRS, Geod, Transformer

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.spatial.curves import ARCS, straighten
from la_pipeline_failure_predict.spatial.geometry import read_geojson, read_wkb, read_wkt

WGS84 = CRS.from_epsg(4326)
GEODESIC = Geod(ellps="WGS84")
MEASURES = (
    *("longitude", "latitude", "start_longitude", "start_latitude", "end_longitude"),
    *("end_latitude", "length_m"),
)
"""Columns of the contract that a shape fills: the first two a point, the others a line."""
POINT, LINE, MANY_POINTS, MANY_LINES, MANY_POLYGONS, COLLECTION = 0, 1, 4, 5, 6, 7
ARC_CODES = range(8, 13)
"""Kinds of well-known binary that are made of arcs."""
HEX = r"^\s*(\\x|0[xX])?(00|01)[0-9A-Fa-f]{16,}\s*$"
TAGGED = r"(?i)^\s*SRID\s*=\s*(?P<srid>\d{1,9})\s*;\s*(?P<text>.*)$"
PLACE = r"^(?:[^(]*\()?\s*(?P<y>-?\d{1,3}\.\d+)\s*,\s*(?P<x>-?\d{1,3}\.\d+)\s*\)?\s*$"
"""Latitude and longitude, as open data portals write a place, perhaps after its address."""


def read_texts(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the shape of each text, and the code of the system that the text names, else 0.

    Reads well-known text and binary in hexadecimal digits, both also with the system that PostGIS
    puts before it, GeoJSON, and pairs of latitude and longitude. Curves become lines. What cannot
    be read is no shape.
    """
    texts = texts.cast(pa.string())
    codes = np.zeros(len(texts), dtype=np.int64)
    tagged = pc.extract_regex(texts, TAGGED)
    is_tagged = tagged.is_valid().to_numpy(zero_copy_only=False)
    if is_tagged.any():
        fields = tagged.flatten()
        codes[is_tagged] = fields[0].filter(tagged.is_valid()).cast(pa.int64()).to_numpy()
        texts = pc.if_else(tagged.is_valid(), fields[1], texts)
    shapes = np.full(len(texts), None, dtype=object)
    left = texts.is_valid().to_numpy(zero_copy_only=False)
    for pattern, read in (
        (HEX, _read_hex),
        (r"^\s*\{", _read_objects),
        (PLACE, _read_places),
        ("", _read_words),
    ):
        found = pc.match_substring_regex(texts, pattern).fill_null(False)
        chosen = left & found.to_numpy(zero_copy_only=False)
        if chosen.any():
            shapes[chosen] = read(texts.filter(pa.array(chosen)))
            left &= ~chosen
    named = shapely.get_srid(shapes)
    return _plain(shapes), np.where(named > 0, named, codes)


def _read_words(texts: pa.Array) -> np.ndarray:
    return read_wkt(texts.to_pylist())


def _read_hex(texts: pa.Array) -> np.ndarray:
    digits = pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), r"^(\\x|0[xX])", "")
    return _from_wkb([_binary(text) for text in digits.to_pylist()])


def _binary(digits: str) -> bytes | None:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return None


def _read_places(texts: pa.Array) -> np.ndarray:
    fields = pc.extract_regex(texts, PLACE).flatten()
    y, x = (field.cast(pa.float64()).to_numpy(zero_copy_only=False) for field in fields)
    return shapely.points(x, y)


def _read_objects(texts: pa.Array) -> list[shapely.Geometry | None]:
    return [_read_object(text) for text in texts.to_pylist()]


def _read_object(text: str) -> shapely.Geometry | None:
    """Return the shape of a GeoJSON object, also as Python writes it, or of a named place."""
    if text.lstrip().startswith("{'"):
        text = text.replace("'", '"')
    shape = read_geojson(text)
    if shape is not None:
        return shape
    try:
        place = json.loads(text)
        return shapely.Point(float(place["longitude"]), float(place["latitude"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def read_binary(values: Sequence[bytes | None]) -> tuple[np.ndarray, np.ndarray]:
    """Return the shape of each well-known binary, none where it is empty, and which are unreadable.

    Curves become lines.
    """
    given = np.array([value is not None for value in values], dtype=bool)
    shapes = _plain(_from_wkb(values))
    unreadable = given & shapely.is_missing(shapes)
    shapes[shapely.is_empty(shapes)] = None
    return shapes, unreadable


def _from_wkb(values: Sequence[bytes | None]) -> np.ndarray:
    try:
        return read_wkb(values)
    except NotImplementedError:  # shapes made of arcs, which are read inside of a collection
        return read_wkb([value and _collected(value) for value in values])


def _collected(value: bytes) -> bytes:
    """Return a binary that is made of arcs inside of a collection, and any other as it is."""
    order = "<" if value[0] else ">"
    (code,) = struct.unpack(f"{order}I", value[1:5].ljust(4, b"\0"))
    if (code & 0xFFFFFFF) % 1000 not in ARC_CODES:
        return value
    return struct.pack("<BII", 1, COLLECTION, 1) + value


def _plain(shapes: np.ndarray) -> np.ndarray:
    """Return shapes without arcs and without collections of one kind or of one point."""
    kinds = shapely.get_type_id(shapes)
    for place in np.flatnonzero((kinds == COLLECTION) | (kinds == MANY_POINTS)):
        shapes[place] = _simplest(shapes[place])
    return shapes


def _simplest(shape: shapely.Geometry) -> shapely.Geometry | None:
    if shapely.get_type_id(shape) == COLLECTION:
        text = shapely.to_wkt(shape, rounding_precision=-1, output_dimension=2)
        if ARCS.search(text):
            shape = straighten(text)
    parts = shapely.get_parts(shape)
    kinds = set(shapely.get_type_id(parts)) if len(parts) else set()
    if len(parts) == 1:
        return parts[0]
    lines = (LINE, MANY_LINES)
    if kinds and kinds.issubset(lines):
        return shapely.multilinestrings(shapely.get_parts(parts))
    return shape


def project_shapes(shapes: np.ndarray, crs: str) -> np.ndarray:
    """Return shapes in degrees: those that cannot be degrees are in the system named.

    Raises
    ------
    UserError
        If the system is not known.
    """
    projected = is_outside_degrees(shapes)
    shapes = shapes.copy()
    shapes[projected] = in_degrees(shapes[projected], crs)
    return shapes


def is_outside_degrees(shapes: np.ndarray) -> np.ndarray:
    """Return whether each shape leaves the range of longitude and latitude; no shape does not."""
    west, south, east, north = shapely.bounds(shapes).T
    return (west < -180) | (south < -90) | (east > 180) | (north > 90)


def in_degrees(shapes: np.ndarray, crs: str | CRS) -> np.ndarray:
    """Return shapes of another system in degrees."""
    return shapely.transform(shapes, lambda x, y: to_wgs84(crs, x, y), interleaved=False)


def shape_columns(shapes: np.ndarray, unreadable: np.ndarray) -> dict[str, pa.Array]:
    """Return shapes in degrees as text, and what the points and lines among them measure."""
    texts = shapely.to_wkt(shapes, rounding_precision=7, output_dimension=2)
    texts[unreadable] = "unreadable"  # refused as such, rather than taken for no shape
    return {"geometry_wkt": pa.array(texts, pa.string())} | measure(shapes)


def measure(shapes: np.ndarray) -> dict[str, pa.Array]:
    """Return the contract's columns of shapes in degrees: of points and of lines, if there are any.

    A line in pieces begins with its first.
    """
    columns = {}
    shapes = _only(shapes, ~shapely.is_empty(shapes))
    kinds = shapely.get_type_id(shapes)
    is_point, is_line = kinds == POINT, np.isin(kinds, (LINE, MANY_LINES))
    if is_point.any():
        points = _only(shapes, is_point)
        columns["longitude"] = _known(shapely.get_x(points))
        columns["latitude"] = _known(shapely.get_y(points))
    if is_line.any():
        given = _only(shapes, is_line)
        lines = shapely.line_merge(given)
        in_pieces = shapely.get_type_id(lines) == MANY_LINES
        lines = np.where(in_pieces, shapely.get_geometry(lines, 0), lines)
        for end, index in (("start", 0), ("end", -1)):
            point = shapely.get_point(lines, index)
            columns[f"{end}_longitude"] = _known(shapely.get_x(point))
            columns[f"{end}_latitude"] = _known(shapely.get_y(point))
        columns["length_m"] = _known(_lengths(given))
    return columns


def _lengths(lines: np.ndarray) -> np.ndarray:
    """Return the length of each line on the WGS 84 ellipsoid, m; NaN where there is none."""
    pieces, owners = shapely.get_parts(lines, return_index=True)
    places, numbers = shapely.get_coordinates(pieces, return_index=True)
    follows = numbers[1:] == numbers[:-1]
    before, after = places[:-1][follows], places[1:][follows]
    *_, steps = GEODESIC.inv(*before.T, *after.T)
    of_line = owners[numbers[1:][follows]]
    lengths = np.bincount(of_line, weights=steps, minlength=len(lines)).astype(float)
    lengths[shapely.is_missing(lines)] = np.nan
    return lengths


def _only(shapes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the shapes that are wanted, and none in the place of the others."""
    kept = shapes.copy()
    kept[~wanted] = None
    return kept


def _known(values: np.ndarray) -> pa.Array:
    """Return numbers, null where there is none."""
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def to_wgs84(crs: str | CRS, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
