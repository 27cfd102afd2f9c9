"""Streets and the segments of main along them: geometry only.

One grid covers the city. Long waves bend it, so that streets run on from one neighborhood into the
next; Downtown it turns, and in the hills streets wind and some are missing.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import shapely

from la_pipeline_failure_predict.sample.places import (
    HILLY,
    PLACES,
    cells_m,
    centres_m,
    hilliness,
    hills_m,
    start_m,
    visiting_order,
)
from la_pipeline_failure_predict.sample.targets import FULL_SIZE, MEAN_LENGTH_M, REPLACED_SHARE

_Item = TypeVar("_Item", bound=np.generic)

_FEWEST_PLACES: Final = 3
_FULL_SEGMENTS: Final = round(FULL_SIZE * (1 - REPLACED_SHARE))
_LENGTH_SIGMA: Final = 0.7
_LENGTH_RANGE_M: Final = (3.0, 250.0)
_SPARE: Final = 0.015  # of the segments laid; those nearest to the rim are dropped
_OUTER_M: Final = 300.0  # the spare segments lie within this distance of the rim
_ROOM: Final = 1.08  # a part of the city may be this much sparser, to end where neighborhoods do
_MISSING_IN_HILLS: Final = 0.4  # of the lines: local ones with an odd number
_MARGIN_M: Final = 2_500.0  # no point is bent farther than this
_SHORT_BLOCKS_PER_LONG: Final = 2.0  # cross streets are this much farther apart
_WIGGLE_M: Final = 5.0
_WAVES_M: Final = (9_000.0, 13_000.0, 17_000.0, 22_000.0)
_SLOPE: Final = 0.10  # of each of these waves
_DOWNTOWN_REACH_M: Final = 3_500.0
_DOWNTOWN_TURN: Final = -0.6  # radians
_WINDING_M: Final = 90.0
_WINDING_WAVE_M: Final = 1_100.0
_STREET_NAMES: Final = (
    "Alameda", "Alder", "Almond", "Alvarado", "Arroyo", "Aurora", "Avalon", "Bonita", "Camino",
    "Canyon", "Catalina", "Cedar", "Cherry", "Chestnut", "Citrus", "Coronado", "Crescent",
    "Cypress", "Dolores", "Dorado", "Eagle", "Edison", "Elm", "Encanto", "Estrella", "Eucalyptus",
    "Fern", "Figueroa", "Flores", "Garland", "Glen", "Granada", "Grove", "Harbor", "Hazel",
    "Hermosa", "Hill", "Hope", "Ivy", "Jasmine", "Juniper", "Laguna", "Laurel", "Lemon", "Linda",
    "Loma", "Lotus", "Magnolia", "Maple", "Marengo", "Mesa", "Mission", "Monte", "Morena", "Myrtle",
    "Oak", "Olive", "Orange", "Orchard", "Palm", "Paloma", "Pepper", "Pico", "Pine", "Placita",
    "Poplar", "Portola", "Primrose", "Quince", "Ramona", "Reservoir", "Rosewood", "Sage", "Serrano",
    "Sierra", "Spring", "Sunset", "Sycamore", "Tamarind", "Toluca", "Valencia", "Verdugo", "Vista",
    "Walnut", "Willow", "Yucca",
)  # fmt: skip
_QUARTERS: Final = ("", "N ", "S ", "E ", "W ")
_SUFFIXES: Final = np.array([[["St", "Ave"], ["Pl", "Dr"]], [["Blvd", "Blvd"], ["Pkwy", "Pkwy"]]])
ROAD_CLASSES: Final = ("local", "collector", "arterial")


@dataclass(frozen=True)
class Network:
    """Segments by street and position along it; n segments, s streets.

    Attributes
    ----------
    start_m, middle_m, end_m : array, shape (n, 2)
        Ends and a bend about halfway, UTM meters; the end of a segment is the start of the next in
        its street.
    length_m : array, shape (n,)
        From the start over the bend to the end, meters.
    place : array, shape (n,)
        Index into `places.PLACES`.
    is_hilly : array, shape (n,)
        Whether it lies in the hills.
    street : array, shape (n,)
        Stretch of street without a gap, from 0, ascending.
    street_name, road_class : array, shape (s,)
        Name; index into `ROAD_CLASSES`.
    covered : list of int
        Places with mains, ascending.
    """

    start_m: npt.NDArray[np.float64]
    middle_m: npt.NDArray[np.float64]
    end_m: npt.NDArray[np.float64]
    length_m: npt.NDArray[np.float64]
    place: npt.NDArray[np.int64]
    is_hilly: npt.NDArray[np.bool_]
    street: npt.NDArray[np.int64]
    street_name: npt.NDArray[np.str_]
    road_class: npt.NDArray[np.int64]
    covered: list[int]


class _Laid(NamedTuple):
    """Segments of a grid, n of them, by line and position along it.

    Attributes
    ----------
    nodes : array, shape (n, 3, 2)
        Start, bend and end, UTM meters.
    line, step : array, shape (n,)
        Line of the grid, and position along it.
    road_class : array, shape (n,)
        Index into `ROAD_CLASSES`.
    is_across : array, shape (n,)
        Whether the line runs across the grid.
    cell : array, shape (n,)
        Index of the cell it lies in.
    is_hilly : array, shape (n,)
        Whether it lies in the hills.
    """

    nodes: npt.NDArray[np.float64]
    line: npt.NDArray[np.int64]
    step: npt.NDArray[np.int64]
    road_class: npt.NDArray[np.int64]
    is_across: npt.NDArray[np.bool_]
    cell: npt.NDArray[np.int64]
    is_hilly: npt.NDArray[np.bool_]

    def take(self, kept: npt.NDArray[np.int64]) -> "_Laid":
        """Return some of the segments."""
        return self._replace(**{name: part[kept] for name, part in self._asdict().items()})


def lay_streets(rng: np.random.Generator, segments: int) -> Network:
    """Lay as much of the city as `segments` need, outward from `places.START`.

    Streets are as far apart as in a full city, which `targets.FULL_SIZE` fills; beyond it they move
    closer together.
    """
    cells = cells_m()
    covered, rim = _part(cells, segments)
    laid = _lay(rng, cells[covered], rim, segments)
    laid = _draw_in(laid, rim, segments)
    first = np.r_[True, (np.diff(laid.line) != 0) | (np.diff(laid.step) != 1)]
    return Network(
        start_m=laid.nodes[:, 0],
        middle_m=laid.nodes[:, 1],
        end_m=laid.nodes[:, 2],
        length_m=np.linalg.norm(np.diff(laid.nodes, axis=1), axis=2).sum(axis=1),
        place=covered[laid.cell],
        is_hilly=laid.is_hilly,
        street=np.cumsum(first) - 1,
        street_name=_name_streets(rng, laid.take(np.flatnonzero(first))),
        road_class=laid.road_class[first],
        covered=np.unique(covered[laid.cell]).tolist(),
    )


def _part(
    cells: npt.NDArray[np.object_], segments: int
) -> tuple[npt.NDArray[np.int64], shapely.Geometry]:
    """Return the fewest places that hold the segments, and the part of them to be filled.

    The part ends where the places do, or, if that leaves too much room, at a circle around the
    start.
    """
    roomy = _room_m2(cells)
    needed = min(segments / _FULL_SEGMENTS, 1.0) * roomy.sum()
    order = np.array(visiting_order())
    count = int(np.searchsorted(np.cumsum(roomy[order]), needed * 0.999)) + 1
    covered = order[: max(count, _FEWEST_PLACES)]
    whole = shapely.union_all(cells[covered])
    start = shapely.Point(start_m())
    near, far = 0.0, 1.01 * shapely.hausdorff_distance(start, whole)
    while far - near > 1.0:
        radius = (near + far) / 2
        fits = _room_m2(whole & start.buffer(radius)) < needed * _ROOM
        near, far = (radius, far) if fits else (near, radius)
    return covered, whole & start.buffer(far)


def _room_m2(shapes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Area of shapes, that of the hills as far as there are streets in them, square meters."""
    hilly = shapely.area(shapely.intersection(shapes, hills_m()))
    return np.asarray(shapely.area(shapes) - _MISSING_IN_HILLS * hilly)


def _lay(
    rng: np.random.Generator,
    cells: npt.NDArray[np.object_],
    rim: shapely.Geometry,
    segments: int,
) -> _Laid:
    """Lay a bent grid over a part of some cells, with the segments and a few to spare."""
    waves = rng.uniform(0.0, 2 * np.pi, (len(_WAVES_M), 2))
    room = float(_room_m2(rim))
    spacing = (1 + 1 / _SHORT_BLOCKS_PER_LONG) * room / (segments * MEAN_LENGTH_M)
    spacing /= 1.0 + _SPARE
    while True:
        laid = _grid(rng, waves, cells, rim, spacing)
        surplus = len(laid.line) / segments
        if 1.0 <= surplus <= 1.0 + 2 * _SPARE:
            return laid
        spacing *= surplus / (1.0 + _SPARE)


def _grid(
    rng: np.random.Generator,
    waves: npt.NDArray[np.float64],
    cells: npt.NDArray[np.object_],
    rim: shapely.Geometry,
    spacing: float,
) -> _Laid:
    """Segments of a bent grid in a part of some cells."""
    west, south, east, north = np.array(rim.bounds) + _MARGIN_M * np.array([-1, -1, 1, 1])
    along = _grid_lines(rng, (west, east), (south, north), spacing)
    cross = _grid_lines(rng, (south, north), (west, east), spacing * _SHORT_BLOCKS_PER_LONG)
    parts = [
        _cut(along, waves, cells, rim, is_across=False),
        _cut(cross[..., ::-1], waves, cells, rim, is_across=True),
    ]
    parts[1] = parts[1]._replace(line=parts[1].line + len(along))
    return _Laid(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _draw_in(laid: _Laid, rim: shapely.Geometry, segments: int) -> _Laid:
    """Drop the segments nearest to the rim until as many are left as wanted."""
    middle = laid.nodes[:, 1]
    outer = np.flatnonzero(~shapely.contains_xy(rim.buffer(-_OUTER_M), *middle.T))
    depth = np.full(len(middle), _OUTER_M)
    depth[outer] = shapely.distance(rim.boundary, shapely.points(middle[outer]))
    return laid.take(np.sort(np.argsort(-depth, kind="stable")[:segments]))


def _grid_lines(
    rng: np.random.Generator,
    along: tuple[float, float],
    across: tuple[float, float],
    spacing: float,
) -> npt.NDArray[np.float64]:
    """Parallel lines over a rectangle, each swinging a little, meters.

    Returns
    -------
    array, shape (lines, 2 * segments + 1, 2)
        Ends of segments and, between them, their bends.
    """
    lines = int(np.ceil((across[1] - across[0]) / spacing)) + 1
    steps = int((along[1] - along[0]) / MEAN_LENGTH_M * 1.15) + 20
    middle = across[0] + (np.arange(lines) + rng.uniform(-0.15, 0.15, lines)) * spacing
    lengths = rng.lognormal(
        np.log(MEAN_LENGTH_M) - _LENGTH_SIGMA**2 / 2, _LENGTH_SIGMA, (lines, steps)
    ).clip(*_LENGTH_RANGE_M)
    start = along[0] - rng.uniform(0, 2 * MEAN_LENGTH_M, (lines, 1))
    position = start + np.cumsum(np.repeat(lengths / 2, 2, axis=1), axis=1)
    position = np.hstack([start, position])
    phase = rng.uniform(0, 2 * np.pi, (lines, 1))
    wave = rng.uniform(500.0, 1500.0, (lines, 1))
    swing = _WIGGLE_M * np.sin(2 * np.pi * position / wave + phase)
    return np.stack([position, middle[:, None] + swing], axis=-1)


def _cut(
    lines: npt.NDArray[np.float64],
    waves: npt.NDArray[np.float64],
    cells: npt.NDArray[np.object_],
    rim: shapely.Geometry,
    is_across: bool,
) -> _Laid:
    """Bend lines and keep the segments within the rim; some lines spare the hills."""
    bent = _bend(lines.reshape(-1, 2), waves)
    near = shapely.contains_xy(rim.buffer(2 * _WINDING_M), *bent.T)
    bent[near] = _wind(bent[near])
    near[near] = shapely.contains_xy(rim, *bent[near].T)
    line, step = np.nonzero(_triples(near.reshape(len(lines), -1)).all(axis=2))
    nodes = _triples(bent.reshape(lines.shape))[line, step]
    middle = nodes[:, 1]
    found, cell = shapely.STRtree(cells).query(shapely.points(middle), predicate="within")
    is_hilly = hilliness(middle) > HILLY
    road_class = _road_class(line)
    spared = is_hilly & (road_class == 0) & (line % 2 == 1)
    kept = ~spared[found]
    found, cell = found[kept], cell[kept]
    return _Laid(
        nodes=nodes[found],
        line=line[found],
        step=step[found],
        road_class=road_class[found],
        is_across=np.full(len(found), is_across),
        cell=cell,
        is_hilly=is_hilly[found],
    )


def _triples(nodes: npt.NDArray[_Item]) -> npt.NDArray[_Item]:
    """Group nodes by segment: from (lines, nodes, ...) to (lines, segments, 3, ...)."""
    return np.stack([nodes[:, 0:-1:2], nodes[:, 1::2], nodes[:, 2::2]], axis=2)


def _bend(
    points_m: npt.NDArray[np.float64], waves: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Turn the grid Downtown, then bend it by long waves, shape (n, 2) to (n, 2).

    Both all but keep areas, so that streets are equally dense everywhere: the turn moves points
    around its center, a wave moves them across its heading.
    """
    center = centres_m()[[place.name for place in PLACES].index("Downtown")]
    away = points_m - center
    turn = _DOWNTOWN_TURN * np.exp(-(away**2).sum(axis=1) / _DOWNTOWN_REACH_M**2)
    east, north = away.T
    cosine, sine = np.cos(turn), np.sin(turn)
    bent = center + np.column_stack([east * cosine - north * sine, east * sine + north * cosine])
    moved = np.zeros_like(bent)
    for wave, (heading, phase) in zip(_WAVES_M, waves, strict=True):
        cosine, sine = np.cos(heading), np.sin(heading)
        position = 2 * np.pi / wave * (bent @ np.array([cosine, sine])) + phase
        height = _SLOPE * wave / (2 * np.pi) * np.sin(position)
        moved += height[:, None] * np.array([-sine, cosine])
    return np.asarray(bent + moved)


def _wind(points_m: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Let streets wind in the hills, shape (n, 2) to (n, 2)."""
    east, north = 2 * np.pi * points_m.T / _WINDING_WAVE_M
    height = _WINDING_M * hilliness(points_m)
    curve = np.column_stack([np.sin(north + np.sin(east / 3)), np.sin(east + np.sin(north / 3))])
    return np.asarray(points_m + height[:, None] * curve)


def _road_class(line: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Index into `ROAD_CLASSES` of lines of the grid: every tenth is a boulevard."""
    return np.select([line % 10 == 4, line % 5 == 2], [2, 1], 0)


def _name_streets(rng: np.random.Generator, first: _Laid) -> npt.NDArray[np.str_]:
    """Name the streets, given their first segments: each line of the grid has a name of its own."""
    number = first.line + rng.integers(len(_STREET_NAMES))
    around, base = np.divmod(number, len(_STREET_NAMES))
    again, quarter = np.divmod(around, len(_QUARTERS))
    suffix = _SUFFIXES[(first.road_class == 2).astype(int), again % 2, first.is_across.astype(int)]
    names = np.strings.add(np.array(_QUARTERS)[quarter], np.array(_STREET_NAMES)[base])
    return np.strings.add(np.strings.add(names, " "), suffix)
