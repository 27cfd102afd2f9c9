"""The City of Los Angeles in rough: its neighborhoods, its coast, its hills.

Centers are rough (about half a kilometer); `developed` is the year around which most streets were
laid out. Polygons are not the official ones: a neighborhood is the land that lies nearer to its
center than to any other center, neighboring city or park. Neighborhoods touch; only at the rim of
the city does none reach farther than a few kilometers from its center.
"""

import re
from functools import cache
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer

CELL_RADIUS_M: Final = 2_400.0
"""How far neighborhoods at the rim of the city reach from their centers (m)."""

_CLOSED_GAP_M: Final = 2_500.0
"""Land between neighborhoods, up to twice as wide as this, belongs to them (m)."""

HILLY: Final = 0.5
"""Above this `hilliness`, mains lie in the hills."""

_SHARED_BORDER_M: Final = 300.0
"""Neighborhoods with less border between them are no neighbors (m)."""

START: Final = (34.034, -118.440)
"""Latitude and longitude where a small sample begins: three neighborhoods meet near it."""

_TO_METRES: Final = Transformer.from_crs("EPSG:4326", "EPSG:32611", always_xy=True)


class Place(NamedTuple):
    """A neighborhood: name, region, rough center (degrees, WGS 84), year of most streets."""

    name: str
    region: str
    latitude: float
    longitude: float
    developed: int

    @property
    def area_id(self) -> str:
        """Name as an identifier, such as ``boyle-heights``."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


# fmt: off
PLACES: Final = tuple(Place(*row) for row in (
    ("Boyle Heights", "Eastside", 34.038, -118.205, 1905),
    ("El Sereno", "Eastside", 34.084, -118.176, 1922),
    ("Lincoln Heights", "Eastside", 34.070, -118.203, 1900),
    ("Atwater Village", "Northeast", 34.118, -118.262, 1922),
    ("Cypress Park", "Northeast", 34.093, -118.225, 1912),
    ("Eagle Rock", "Northeast", 34.138, -118.213, 1924),
    ("Glassell Park", "Northeast", 34.117, -118.233, 1922),
    ("Highland Park", "Northeast", 34.115, -118.192, 1908),
    ("Montecito Heights", "Northeast", 34.091, -118.204, 1925),
    ("Mount Washington", "Northeast", 34.103, -118.217, 1924),
    ("Arlington Heights", "Central", 34.045, -118.323, 1910),
    ("Beverly Grove", "Central", 34.076, -118.372, 1928),
    ("Carthay", "Central", 34.062, -118.368, 1926),
    ("Chinatown", "Central", 34.066, -118.238, 1900),
    ("Downtown", "Central", 34.045, -118.250, 1895),
    ("East Hollywood", "Central", 34.090, -118.296, 1913),
    ("Echo Park", "Central", 34.079, -118.258, 1908),
    ("Elysian Park", "Central", 34.082, -118.240, 1910),
    ("Elysian Valley", "Central", 34.096, -118.242, 1922),
    ("Fairfax", "Central", 34.079, -118.357, 1927),
    ("Hancock Park", "Central", 34.070, -118.333, 1922),
    ("Harvard Heights", "Central", 34.047, -118.305, 1906),
    ("Hollywood", "Central", 34.099, -118.329, 1915),
    ("Hollywood Hills", "Central", 34.119, -118.334, 1928),
    ("Hollywood Hills West", "Central", 34.109, -118.370, 1945),
    ("Koreatown", "Central", 34.062, -118.302, 1914),
    ("Larchmont", "Central", 34.078, -118.318, 1918),
    ("Los Feliz", "Central", 34.111, -118.288, 1922),
    ("Mid-City", "Central", 34.041, -118.353, 1922),
    ("Mid-Wilshire", "Central", 34.060, -118.352, 1926),
    ("Pico-Union", "Central", 34.045, -118.280, 1902),
    ("Silver Lake", "Central", 34.092, -118.269, 1920),
    ("Westlake", "Central", 34.059, -118.275, 1903),
    ("Windsor Square", "Central", 34.069, -118.319, 1916),
    ("Adams-Normandie", "South", 34.031, -118.299, 1905),
    ("Baldwin Hills/Crenshaw", "South", 34.011, -118.349, 1949),
    ("Broadway-Manchester", "South", 33.950, -118.271, 1925),
    ("Central-Alameda", "South", 34.003, -118.248, 1908),
    ("Chesterfield Square", "South", 33.983, -118.316, 1923),
    ("Exposition Park", "South", 34.014, -118.300, 1912),
    ("Florence", "South", 33.974, -118.268, 1918),
    ("Gramercy Park", "South", 33.946, -118.313, 1938),
    ("Green Meadows", "South", 33.938, -118.257, 1930),
    ("Harvard Park", "South", 33.982, -118.304, 1922),
    ("Historic South-Central", "South", 34.018, -118.257, 1902),
    ("Hyde Park", "South", 33.983, -118.330, 1928),
    ("Jefferson Park", "South", 34.027, -118.322, 1912),
    ("Leimert Park", "South", 34.008, -118.328, 1929),
    ("Manchester Square", "South", 33.967, -118.313, 1935),
    ("South Park", "South", 33.996, -118.270, 1914),
    ("University Park", "South", 34.026, -118.281, 1901),
    ("Vermont Knolls", "South", 33.966, -118.291, 1927),
    ("Vermont-Slauson", "South", 33.984, -118.289, 1920),
    ("Vermont Square", "South", 34.000, -118.296, 1914),
    ("Vermont Vista", "South", 33.946, -118.285, 1930),
    ("Watts", "South", 33.941, -118.243, 1912),
    ("West Adams", "South", 34.027, -118.362, 1926),
    ("Harbor City", "Harbor", 33.796, -118.297, 1950),
    ("Harbor Gateway", "Harbor", 33.870, -118.294, 1951),
    ("San Pedro", "Harbor", 33.736, -118.297, 1918),
    ("Wilmington", "Harbor", 33.783, -118.262, 1923),
    ("Bel-Air", "Westside", 34.095, -118.452, 1950),
    ("Beverly Crest", "Westside", 34.118, -118.412, 1956),
    ("Beverlywood", "Westside", 34.043, -118.394, 1941),
    ("Brentwood", "Westside", 34.063, -118.487, 1940),
    ("Century City", "Westside", 34.056, -118.416, 1964),
    ("Cheviot Hills", "Westside", 34.037, -118.409, 1938),
    ("Del Rey", "Westside", 33.988, -118.421, 1950),
    ("Mar Vista", "Westside", 34.003, -118.430, 1947),
    ("Pacific Palisades", "Westside", 34.050, -118.527, 1938),
    ("Palms", "Westside", 34.024, -118.409, 1936),
    ("Pico-Robertson", "Westside", 34.054, -118.385, 1929),
    ("Playa del Rey", "Westside", 33.955, -118.440, 1952),
    ("Playa Vista", "Westside", 33.974, -118.419, 1998),
    ("Rancho Park", "Westside", 34.040, -118.426, 1934),
    ("Sawtelle", "Westside", 34.033, -118.447, 1928),
    ("Venice", "Westside", 33.992, -118.462, 1912),
    ("Westchester", "Westside", 33.957, -118.397, 1946),
    ("West Los Angeles", "Westside", 34.046, -118.441, 1932),
    ("Westwood", "Westside", 34.064, -118.436, 1931),
    ("Arleta", "San Fernando Valley", 34.243, -118.432, 1952),
    ("Canoga Park", "San Fernando Valley", 34.209, -118.600, 1953),
    ("Chatsworth", "San Fernando Valley", 34.257, -118.601, 1962),
    ("Encino", "San Fernando Valley", 34.153, -118.506, 1955),
    ("Granada Hills", "San Fernando Valley", 34.278, -118.502, 1956),
    ("Lake Balboa", "San Fernando Valley", 34.198, -118.500, 1950),
    ("Lake View Terrace", "San Fernando Valley", 34.276, -118.368, 1958),
    ("Mission Hills", "San Fernando Valley", 34.262, -118.463, 1953),
    ("North Hills", "San Fernando Valley", 34.236, -118.480, 1953),
    ("North Hollywood", "San Fernando Valley", 34.182, -118.378, 1940),
    ("Northridge", "San Fernando Valley", 34.236, -118.537, 1957),
    ("Pacoima", "San Fernando Valley", 34.263, -118.417, 1947),
    ("Panorama City", "San Fernando Valley", 34.226, -118.447, 1949),
    ("Porter Ranch", "San Fernando Valley", 34.286, -118.560, 1978),
    ("Reseda", "San Fernando Valley", 34.201, -118.536, 1949),
    ("Shadow Hills", "San Fernando Valley", 34.258, -118.347, 1960),
    ("Sherman Oaks", "San Fernando Valley", 34.150, -118.449, 1946),
    ("Studio City", "San Fernando Valley", 34.141, -118.388, 1938),
    ("Sun Valley", "San Fernando Valley", 34.226, -118.371, 1948),
    ("Sunland", "San Fernando Valley", 34.262, -118.310, 1950),
    ("Sylmar", "San Fernando Valley", 34.308, -118.449, 1963),
    ("Tarzana", "San Fernando Valley", 34.158, -118.549, 1956),
    ("Toluca Lake", "San Fernando Valley", 34.149, -118.358, 1934),
    ("Tujunga", "San Fernando Valley", 34.254, -118.288, 1940),
    ("Valley Glen", "San Fernando Valley", 34.189, -118.414, 1949),
    ("Valley Village", "San Fernando Valley", 34.165, -118.398, 1944),
    ("Van Nuys", "San Fernando Valley", 34.190, -118.449, 1944),
    ("West Hills", "San Fernando Valley", 34.206, -118.641, 1963),
    ("Winnetka", "San Fernando Valley", 34.209, -118.572, 1955),
    ("Woodland Hills", "San Fernando Valley", 34.168, -118.610, 1960),
))
"""The neighborhoods a sample can cover."""

_ELSEWHERE: Final = (  # latitude, longitude of places the utility has no mains in
    # Santa Monica, Beverly Hills
    (34.020, -118.490), (34.035, -118.498), (34.073, -118.400), (34.085, -118.404),
    # W. Hollywood, Culver City, Marina
    (34.090, -118.372), (34.010, -118.397), (33.998, -118.394), (33.978, -118.450),
    # Inglewood, Hawthorne, El Segundo
    (33.958, -118.350), (33.993, -118.362), (33.917, -118.350), (33.918, -118.400),
    # Burbank, Glendale
    (34.182, -118.315), (34.200, -118.335), (34.147, -118.250), (34.170, -118.260),
    # Pasadena, Alhambra, East LA
    (34.152, -118.165), (34.113, -118.156), (34.088, -118.150), (34.033, -118.168),
    # Vernon, South Gate, Compton
    (34.001, -118.215), (33.975, -118.232), (33.944, -118.212), (33.905, -118.240),
    # Willowbrook, Gardena
    (33.917, -118.265), (33.932, -118.305), (33.888, -118.315), (33.890, -118.270),
    # Torrance, Carson, Lomita
    (33.840, -118.335), (33.845, -118.260), (33.800, -118.328), (33.815, -118.270),
    # Palos Verdes, San Fernando
    (33.752, -118.335), (33.730, -118.335), (33.780, -118.215), (34.285, -118.438),
    # Calabasas, Griffith Park, Basin
    (34.145, -118.650), (34.175, -118.660), (34.137, -118.297), (34.175, -118.480),
    # Hansen Dam, LAX, mountains
    (34.268, -118.388), (33.942, -118.408), (34.100, -118.600), (34.110, -118.510),
    # mountains
    (34.330, -118.490),
)
_MORE_CENTERS: Final = {  # latitude, longitude of further parts of a neighborhood
    "Harbor Gateway": (
        (33.925, -118.283), (33.905, -118.288), (33.885, -118.290), (33.848, -118.298),
        (33.826, -118.300),
    ),
}
_COAST: Final = (  # latitude, longitude, from Topanga to Long Beach
    (34.036, -118.640), (34.038, -118.583), (34.037, -118.556), (34.027, -118.520),
    (34.009, -118.500), (33.985, -118.476), (33.963, -118.460), (33.945, -118.447),
    (33.912, -118.427), (33.885, -118.412), (33.843, -118.394), (33.805, -118.395),
    (33.775, -118.425), (33.740, -118.405), (33.735, -118.370), (33.705, -118.293),
    (33.711, -118.281), (33.730, -118.277), (33.752, -118.274), (33.765, -118.262),
    (33.766, -118.240), (33.760, -118.190),
)
_RIDGES: Final = (  # how far hills reach (m), then latitude, longitude along a ridge
    # Santa Monica Mountains and Hollywood Hills
    (4_000.0, ((34.100, -118.640), (34.075, -118.540), (34.090, -118.490), (34.103, -118.450),
               (34.120, -118.410), (34.122, -118.360), (34.130, -118.300))),
    # Verdugo Mountains, San Gabriel Mountains, Santa Susana Mountains
    (3_400.0, ((34.205, -118.270), (34.235, -118.310))),
    (3_100.0, ((34.335, -118.470), (34.320, -118.400), (34.290, -118.330), (34.270, -118.270))),
    (3_700.0, ((34.300, -118.640), (34.305, -118.560), (34.310, -118.500))),
    # Simi Hills, Palos Verdes, Mount Washington, Baldwin Hills
    (3_400.0, ((34.240, -118.660), (34.170, -118.650))),
    (3_400.0, ((33.770, -118.390), (33.745, -118.325))),
    (2_300.0, ((34.112, -118.222), (34.088, -118.196))),
    (2_000.0, ((34.011, -118.366), (34.004, -118.352))),
)
# fmt: on


def to_metres(
    longitude: npt.ArrayLike, latitude: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Degrees (WGS 84) to meters (UTM zone 11 N): east and north, shaped as the arguments."""
    east, north = _TO_METRES.transform(np.asarray(longitude), np.asarray(latitude))
    return np.asarray(east, dtype=np.float64), np.asarray(north, dtype=np.float64)


def to_degrees(
    east_m: npt.ArrayLike, north_m: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Meters (UTM zone 11 N) to degrees (WGS 84): longitude, latitude, shaped as the arguments."""
    longitude, latitude = _TO_METRES.transform(
        np.asarray(east_m), np.asarray(north_m), direction="INVERSE"
    )
    return np.asarray(longitude, dtype=np.float64), np.asarray(latitude, dtype=np.float64)


def centres_m() -> npt.NDArray[np.float64]:
    """Centers of `PLACES` in meters, shape (places, 2)."""
    east, north = to_metres([p.longitude for p in PLACES], [p.latitude for p in PLACES])
    return np.column_stack([east, north])


@cache
def cells_m() -> npt.NDArray[np.object_]:
    """Polygon of each of `PLACES` in meters, shape (places,): the land nearest to its centers."""
    centers = centres_m()
    owners, more = _further_centers()
    sites = np.vstack([centers, more, _points_m(_ELSEWHERE)])
    cells = voronoi_cells(sites, margin_m=2 * CELL_RADIUS_M)
    parts = np.r_[np.arange(len(PLACES)), owners]
    whole = [shapely.union_all(cells[: len(parts)][parts == place]) for place in range(len(PLACES))]
    land = _land(sites[: len(parts)])
    return np.array([_largest(cell) for cell in shapely.intersection(whole, land)], dtype=object)


@cache
def sea_m() -> shapely.Polygon:
    """Sea off the city, in meters: what lies southwest of a smooth coast."""
    coast = _smooth(_points_m(_COAST))
    west, south = coast.min(axis=0) - 20_000.0
    corners = [(coast[-1, 0], south), (west, south), (west, coast[0, 1])]
    return shapely.Polygon(np.vstack([coast, corners]))


@cache
def hills_m() -> shapely.Geometry:
    """Hills of the city, in meters: where `hilliness` is above `HILLY`."""
    ridges = [shapely.LineString(_points_m(ridge)) for _, ridge in _RIDGES]
    reaches = np.array([reach for reach, _ in _RIDGES]) * (1 - HILLY**0.5) ** 0.5
    return shapely.union_all(shapely.buffer(ridges, reaches))


def hilliness(points_m: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How hilly it is, from 0 in the plain to 1 on a ridge, shape (n, 2) to (n,)."""
    steep = np.zeros(len(points_m))
    for reach, ridge in _RIDGES:
        for start, end in pairwise(_points_m(ridge)):
            low, high = np.minimum(start, end) - reach, np.maximum(start, end) + reach
            near = np.flatnonzero(((points_m > low) & (points_m < high)).all(axis=1))
            away, step = points_m[near] - start, end - start
            away -= (away @ step / (step @ step)).clip(0.0, 1.0)[:, None] * step
            height = (1 - (away**2).sum(axis=1) / reach**2).clip(0.0) ** 2
            steep[near] = np.maximum(steep[near], height)
    return steep


def _points_m(places: tuple[tuple[float, float], ...]) -> npt.NDArray[np.float64]:
    """Pairs of latitude and longitude in meters, shape (n, 2)."""
    latitude, longitude = np.array(places).T
    return np.column_stack(to_metres(longitude, latitude))


def _further_centers() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Place of each of the further centers, shape (n,), and where they are, shape (n, 2)."""
    names = [place.name for place in PLACES]
    owners = [names.index(name) for name, points in _MORE_CENTERS.items() for _ in points]
    points = tuple(point for several in _MORE_CENTERS.values() for point in several)
    return np.array(owners, dtype=np.int64), _points_m(points)


def _land(centers: npt.NDArray[np.float64]) -> shapely.Geometry:
    """Circles around the centers with the gaps between them closed, without the sea."""
    circles = shapely.union_all(shapely.buffer(shapely.points(centers), CELL_RADIUS_M))
    closed = circles.buffer(_CLOSED_GAP_M).buffer(-_CLOSED_GAP_M)
    return closed.difference(sea_m()).simplify(5.0)


def _largest(shape: shapely.Geometry) -> shapely.Polygon:
    """Largest part of a shape, without holes."""
    part = max(shapely.get_parts(shape), key=lambda part: part.area)
    return shapely.Polygon(part.exterior)


def _smooth(line: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Cut the corners of a line three times (Chaikin, CGIP 3, 1974), shape (n, 2)."""
    for _ in range(3):
        cut = np.stack([0.75 * line[:-1] + 0.25 * line[1:], 0.25 * line[:-1] + 0.75 * line[1:]], 1)
        line = np.vstack([line[:1], cut.reshape(-1, 2), line[-1:]])
    return line


def voronoi_cells(sites: npt.NDArray[np.float64], margin_m: float) -> npt.NDArray[np.object_]:
    """Voronoi cell of each site, in the order of the sites.

    Parameters
    ----------
    sites : array, shape (n, 2)
        Distinct points, meters.
    margin_m : float
        How far the outermost cells reach beyond the sites.

    Returns
    -------
    array of polygons, shape (n,)
    """
    points = shapely.points(sites)
    extent = shapely.box(*shapely.total_bounds(points)).buffer(margin_m, join_style="mitre")
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(points), extend_to=extent)
    )
    owner = shapely.STRtree(points).query(cells, predicate="contains")
    ordered = np.empty(len(sites), dtype=object)
    ordered[owner[1]] = cells[owner[0]]
    return np.asarray(shapely.intersection(ordered, extent))


def start_m() -> npt.NDArray[np.float64]:
    """`START` in meters, shape (2,)."""
    return _points_m((START,))[0]


@cache
def visiting_order() -> tuple[int, ...]:
    """Indexes of `PLACES` outward from `START`: any first few are one coherent part of the city."""
    cells = cells_m()
    distance = np.hypot(*(centres_m() - start_m()).T)
    one, other = shapely.STRtree(cells).query(shapely.buffer(cells, 1.0), predicate="intersects")
    border = shapely.area(shapely.intersection(shapely.buffer(cells[one], 1.0), cells[other]))
    touching = {
        place: set(other[(one == place) & (border > _SHARED_BORDER_M)])
        for place in range(len(PLACES))
    }
    order: list[int] = []
    near = {int(distance.argmin())}
    while near:
        order.append(min(near, key=lambda place: distance[place]))
        near = (near | touching[order[-1]]) - set(order)
    return tuple(order)
