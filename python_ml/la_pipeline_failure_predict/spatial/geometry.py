"""Points in polygons, nearest lines and sizes, on plain arrays."""

import numpy as np
import shapely
from pyproj import Geod

METRES_PER_DEGREE = 111_320.0
"""Length of a degree of latitude, m; the same figure as in the marts."""


def find_containing(
    polygons: np.ndarray, longitude: np.ndarray, latitude: np.ndarray
) -> np.ndarray:
    """Return the index of the polygon that holds each point, -1 where none does.

    A point on a shared border belongs to the polygon that comes first.

    Parameters
    ----------
    polygons
        Shapely polygons, WGS 84; invalid rings are mended.
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


def find_nearest(
    starts: np.ndarray, ends: np.ndarray, points: np.ndarray, max_distance_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the index of the line nearest to each point and its distance, metres.

    -1 and NaN where no line is within reach; of equally near lines, the first.

    Parameters
    ----------
    starts, ends
        Ends of straight lines, longitude and latitude in degrees, shape (n, 2).
    points
        Longitude and latitude in degrees, shape (m, 2).
    """
    nearest = np.full(len(points), -1, dtype=np.int64)
    distance = np.full(len(points), np.nan)
    if not len(starts) or not len(points):
        return nearest, distance
    scale = np.array([np.cos(np.radians(np.mean(points[:, 1]))), 1.0]) * METRES_PER_DEGREE
    lines = shapely.linestrings(np.stack([starts * scale, ends * scale], axis=1))
    found, gaps = shapely.STRtree(lines).query_nearest(
        shapely.points(points * scale), max_distance=max_distance_m, return_distance=True
    )
    order = np.lexsort((-found[1], found[0]))
    nearest[found[0][order]] = found[1][order]
    distance[found[0][order]] = gaps[order]
    return nearest, distance


def measure_km2(polygons: np.ndarray) -> np.ndarray:
    """Return the size of each polygon on the WGS 84 ellipsoid, km2."""
    geod = Geod(ellps="WGS84")
    mended = shapely.make_valid(polygons)
    return np.array([abs(geod.geometry_area_perimeter(shape)[0]) / 1e6 for shape in mended])
