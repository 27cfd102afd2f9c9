"""Neighborhoods of the City of Los Angeles and what surrounds them.

Centers are rough (about half a kilometer); `developed` is the year around which most streets were
laid out. Polygons are not the official ones: a neighborhood is what lies nearer to its center
than to any other center, neighboring city, park or stretch of sea, up to a few kilometers.
"""

import re
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer

CELL_RADIUS_M: Final = 2_400.0
"""No neighborhood reaches farther from its center (m)."""

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
    # sea
    (34.020, -118.540), (34.030, -118.560), (33.980, -118.490), (33.950, -118.470),
    # sea, harbor, mountains
    (33.715, -118.315), (33.735, -118.262), (33.752, -118.235), (34.330, -118.490),
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


def cells_m() -> npt.NDArray[np.object_]:
    """Polygon of each of `PLACES` in meters, shape (places,): its Voronoi cell within a circle."""
    centers = centres_m()
    latitude, longitude = np.array(_ELSEWHERE).T
    elsewhere = np.column_stack(to_metres(longitude, latitude))
    cells = voronoi_cells(np.vstack([centers, elsewhere]), margin_m=2 * CELL_RADIUS_M)
    circles = shapely.buffer(shapely.points(centers), CELL_RADIUS_M, quad_segs=8)
    return np.asarray(shapely.intersection(cells[: len(PLACES)], circles))


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


def visiting_order() -> list[int]:
    """Indexes of `PLACES` so that any first few span all eras: bit reversal of the rank by age."""
    by_age = sorted(range(len(PLACES)), key=lambda i: (PLACES[i].developed, PLACES[i].name))
    bits = (len(PLACES) - 1).bit_length()
    ranks = sorted(range(len(PLACES)), key=lambda rank: int(f"{rank:0{bits}b}"[::-1], 2))
    return [by_age[rank] for rank in ranks]
