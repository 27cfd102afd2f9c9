"""Shapes from text and bytes, points in polygons, nearest lines and sizes, on plain arrays."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import shapely
from pyproj import Geod

from la_pipeline_failure_predict.spatial import METRES_PER_DEGREE
from la_pipeline_failure_predict.spatial.curves import ARCS, straighten

LONGEST_TEXT = 32_000
"""Characters that Power BI holds (MOST_CHARACTERS of its linter), with a little to spare."""
SIMPLER_STEPS = 10
"""How often the tolerance of an outline is doubled: up to half a kilometer."""
Key = TypeVar("Key")

MOST_NESTED = 1_000
"""Depth to which a collection may hold collections; GEOS ends the process at some ten thousand."""
MOST_CHARACTERS = 20_000_000
"""Of one shape: a city's border with a vertex every decimeter has less."""
MOST_CROSSINGS = 100_000
"""Of a polygon with itself; repairing it takes seconds, and the square of it with more."""
CROSSINGS_AT_ONCE = 100
NOT_A_BRACKET = bytes(set(range(256)) - set(b"()[]{}"))
POINT, LINES, POLYGON = 1, (2, 8), 3
"""Codes of well-known binary; all others hold shapes of their own."""


def read_wkt(texts: Iterable[str | None]) -> np.ndarray:
    """Return the shapes of well-known text; None for what is none or would exhaust the reader.

    Curves become lines.
    """
    kept = [None if text is None or _is_too_much(text) else text for text in texts]
    with np.errstate(invalid="ignore"):
        try:
            return _from_wkt(kept)
        except NotImplementedError:  # a shape made of arcs
            has_arcs = [text is not None and bool(ARCS.search(text)) for text in kept]
            pairs = list(zip(kept, has_arcs, strict=True))
            shapes = _from_wkt([None if arcs else text for text, arcs in pairs])
            shapes[has_arcs] = [straighten(str(text)) for text, arcs in pairs if arcs]
            return shapes


def _from_wkt(texts: list[str | None]) -> np.ndarray:
    return np.atleast_1d(shapely.from_wkt(np.array(texts, dtype=object), on_invalid="ignore"))


def read_wkb(values: Iterable[bytes | None]) -> np.ndarray:
    """Return the shapes of well-known binary; None for what is none or would exhaust the reader."""
    kept = [None if value is None or _is_too_deep(value) else value for value in values]
    with np.errstate(invalid="ignore"):
        return np.atleast_1d(shapely.from_wkb(np.array(kept, dtype=object), on_invalid="ignore"))


def read_geojson(text: str) -> shapely.Geometry | None:
    """Return the shape of a GeoJSON object; None for what is none or would exhaust the reader."""
    return None if _is_too_much(text) else shapely.from_geojson(text, on_invalid="ignore")


def _is_too_much(text: str) -> bool:
    """Whether a text is longer than any shape's, or nested deeper."""
    if len(text) <= 2 * MOST_NESTED:
        return False
    if len(text) > MOST_CHARACTERS:
        return True
    if sum(map(text.count, "([{")) <= MOST_NESTED:
        return False
    brackets = np.frombuffer(text.encode().translate(None, NOT_A_BRACKET), np.uint8)
    is_open = np.isin(brackets, np.frombuffer(b"([{", np.uint8))
    return bool(np.cumsum(np.where(is_open, 1, -1)).max() > MOST_NESTED)


def _is_too_deep(value: bytes) -> bool:
    """Whether well-known binary is nested too deep, or is not what it says."""
    if len(value) <= 9 * MOST_NESTED:
        return False
    waiting, position = [1], 0  # shapes that are still to come, at each depth
    try:
        while waiting:
            if waiting[-1] == 0:
                waiting.pop()
                continue
            waiting[-1] -= 1
            held, position = _skip_shape(value, position)
            waiting.append(held)
            if len(waiting) > MOST_NESTED:
                return True
    except struct.error:
        return True
    return False


def _skip_shape(value: bytes, position: int) -> tuple[int, int]:
    """Return how many shapes the one at a position holds, and where what follows it begins."""
    order = ">" if value[position : position + 1] == b"\0" else "<"
    (kind,) = struct.unpack_from(f"{order}I", value, position + 1)
    code, thousands = (kind & 0xFFFF) % 1000, (kind & 0xFFFF) // 1000
    flags = (kind >> 31) + (kind >> 30 & 1)  # EWKB's Z and M; ISO counts them in thousands
    size = 8 * (2 + flags + (0, 1, 1, 2)[min(thousands, 3)])
    position += 9 if kind >> 29 & 1 else 5
    if code == POINT:
        return 0, position + size
    (count,) = struct.unpack_from(f"{order}I", value, position)
    position += 4
    if code in LINES:
        return 0, position + count * size
    if code != POLYGON:
        return count, position
    for _ in range(count):
        (points,) = struct.unpack_from(f"{order}I", value, position)
        position += 4 + points * size
    return 0, position


def repair(polygons: np.ndarray) -> np.ndarray:
    """Return polygons without crossings; None for one that crosses itself far too often."""
    polygons = np.atleast_1d(polygons).copy()
    invalid = np.isin(shapely.get_type_id(polygons), (3, 6)) & ~shapely.is_valid(polygons)
    for index in np.flatnonzero(invalid):
        if crosses_too_often(polygons[index]):
            polygons[index] = None
    # The other method takes a hundred times as long for a star.
    polygons[invalid] = shapely.make_valid(polygons[invalid], method="structure")
    return polygons


def united(pieces: Iterable[tuple[Key, str | None]]) -> dict[Key, str]:
    """Return the polygons of each key as one, in well-known text; pieces are (key, text)."""
    shapes: dict[Key, list[shapely.Geometry]] = {}
    for key, text in pieces:
        shapes.setdefault(key, []).extend(repair(read_wkt([text])))
    return {
        key: shapely.to_wkt(shapely.union_all(found), rounding_precision=7)
        for key, found in shapes.items()
    }


def crosses_too_often(polygon: shapely.Geometry) -> bool:
    """Whether an invalid polygon crosses itself more often than can be repaired in seconds."""
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(polygon)]
    sides = [np.stack([ring[:-1], ring[1:]], axis=1) for ring in rings]
    if not sides or len(lines := shapely.linestrings(np.concatenate(sides))) ** 2 < MOST_CROSSINGS:
        return False
    tree, met = shapely.STRtree(lines), 0
    for start in range(0, len(lines), CROSSINGS_AT_ONCE):
        some = lines[start : start + CROSSINGS_AT_ONCE]
        # Each side meets itself and its two neighbors; each crossing is met from both sides.
        met += tree.query(some, predicate="intersects").shape[1] - 3 * len(some)
        if met > 2 * MOST_CROSSINGS:
            return True
    return False


def find_containing(
    polygons: np.ndarray, longitude: np.ndarray, latitude: np.ndarray
) -> np.ndarray:
    """Return the index of the polygon that holds each point, -1 where none does.

    A point on a shared border belongs to the polygon that comes first.

    Parameters
    ----------
    polygons
        Shapely polygons, WGS 84; invalid rings are fixed.
    longitude, latitude
        Points, degrees, shape (n,); NaN where unknown.
    """
    found = np.full(len(longitude), -1, dtype=np.int64)
    known = np.flatnonzero(np.isfinite(longitude) & np.isfinite(latitude))
    if not len(polygons) or not len(known):
        return found
    tree = shapely.STRtree(repair(polygons))
    points = shapely.points(longitude[known], latitude[known])
    point_index, polygon_index = tree.query(points, predicate="intersects")
    order = np.lexsort((-polygon_index, point_index))  # written last: the first polygon
    found[known[point_index[order]]] = polygon_index[order]
    return found


@dataclass(frozen=True)
class Service:
    """When lines were in service, and the day of each point; days since some day.

    Attributes
    ----------
    begins, ends
        First and last day of each line, shape (n,); infinite where unknown.
    on
        Day of each point, shape (m,).
    """

    begins: np.ndarray
    ends: np.ndarray
    on: np.ndarray


def find_nearest(
    starts: np.ndarray,
    ends: np.ndarray,
    points: np.ndarray,
    max_distance_m: float,
    served: Service | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of the line nearest to each point and its distance, meters.

    -1 and NaN where no line is within reach; of equally near lines, the first.

    Parameters
    ----------
    starts, ends
        Ends of straight lines, longitude and latitude in degrees, shape (n, 2).
    points
        Longitude and latitude in degrees, shape (m, 2).
    served
        Only lines in service on the point's day are considered; all of them when None.
    """
    nearest = np.full(len(points), -1, dtype=np.int64)
    distance = np.full(len(points), np.nan)
    if not len(starts) or not len(points):
        return nearest, distance
    scale = np.array([np.cos(np.radians(np.mean(points[:, 1]))), 1.0]) * METRES_PER_DEGREE
    lines = shapely.linestrings(np.stack([starts * scale, ends * scale], axis=1))
    spots = shapely.points(points * scale)
    point, line = shapely.STRtree(lines).query(spots, predicate="dwithin", distance=max_distance_m)
    if served is not None:
        day = served.on[point]
        in_service = (served.begins[line] <= day) & (day <= served.ends[line])
        point, line = point[in_service], line[in_service]
    # To a tenth of a millimeter, so that mains on one street segment are equally near.
    gaps = np.round(shapely.distance(spots[point], lines[line]), 4)
    order = np.lexsort((-line, -gaps, point))  # written last: the nearest, then the first
    nearest[point[order]] = line[order]
    distance[point[order]] = gaps[order]
    return nearest, distance


def measure_km2(polygons: np.ndarray) -> np.ndarray:
    """Return the size of each polygon on the WGS 84 ellipsoid, km2."""
    geod = Geod(ellps="WGS84")
    fixed = repair(polygons)
    return np.array([abs(geod.geometry_area_perimeter(shape)[0]) / 1e6 for shape in fixed])


def write_outlines(polygons: np.ndarray, longest: int = LONGEST_TEXT) -> list[str]:
    """Return the outline of each polygon as WKT, simplified no more than its length asks for.

    Parameters
    ----------
    polygons
        Shapely polygons, WGS 84; invalid rings are fixed.
    longest
        Most characters of a text.
    """
    return [_write_outline(polygon, longest) for polygon in repair(polygons)]


def _write_outline(polygon: shapely.Geometry, longest: int) -> str:
    """Simplify as far as a map bears it; of what has too many parts, draw the hull."""
    tolerances = (1e-5 * 2**step for step in range(SIMPLER_STEPS))  # degrees: a meter, two, four
    simpler = (shapely.simplify(polygon, tolerance) for tolerance in tolerances)
    for outline in (polygon, *simpler, shapely.convex_hull(polygon)):
        text = shapely.to_wkt(outline, rounding_precision=5)
        if len(text) <= longest:
            return text
    return str(shapely.to_wkt(shapely.envelope(polygon), rounding_precision=5))
