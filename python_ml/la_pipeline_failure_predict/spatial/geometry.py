"""Points in polygons, nearest lines and sizes, on plain arrays."""

from dataclasses import dataclass

import numpy as np
import shapely
from pyproj import Geod

METRES_PER_DEGREE = 111_320.0
"""Length of a degree of latitude, m; the same figure as in the marts."""
LONGEST_TEXT = 32_000
"""Characters that Power BI holds (MOST_CHARACTERS of its linter), with a little to spare."""
SIMPLER_STEPS = 10
"""How often the tolerance of an outline is doubled: up to half a kilometer."""


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
    tree = shapely.STRtree(shapely.make_valid(polygons))
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
    fixed = shapely.make_valid(polygons)
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
    return [_write_outline(polygon, longest) for polygon in shapely.make_valid(polygons)]


def _write_outline(polygon: shapely.Geometry, longest: int) -> str:
    """Simplify as far as a map bears it; of what has too many parts, draw the hull."""
    tolerances = (1e-5 * 2**step for step in range(SIMPLER_STEPS))  # degrees: a meter, two, four
    simpler = (shapely.simplify(polygon, tolerance) for tolerance in tolerances)
    for outline in (polygon, *simpler, shapely.convex_hull(polygon)):
        text = shapely.to_wkt(outline, rounding_precision=5)
        if len(text) <= longest:
            return text
    return str(shapely.to_wkt(shapely.envelope(polygon), rounding_precision=5))
