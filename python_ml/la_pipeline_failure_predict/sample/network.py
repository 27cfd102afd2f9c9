"""Streets and the segments of main along them: geometry only."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely

from la_pipeline_failure_predict.sample.places import PLACES, cells_m, centres_m, visiting_order
from la_pipeline_failure_predict.sample.targets import FULL_SIZE, MEAN_LENGTH_M, REPLACED_SHARE

_FEWEST_PLACES: Final = 3
_FULL_SEGMENTS: Final = round(FULL_SIZE * (1 - REPLACED_SHARE))
_LENGTH_SIGMA: Final = 0.7
_LENGTH_RANGE_M: Final = (3.0, 250.0)
_SPARE: Final = 1.12  # streets laid per street needed; the outermost are dropped
_SHORT_BLOCKS_PER_LONG: Final = 2.0  # cross streets are this much farther apart
_WIGGLE_M: Final = 5.0
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
_SUFFIXES: Final = (("St", "Ave"), ("Ave", "St"), ("Blvd", "Blvd"))
ROAD_CLASSES: Final = ("local", "collector", "arterial")


@dataclass(frozen=True)
class Network:
    """Segments by neighborhood, street and position along it; n segments, s streets.

    Attributes
    ----------
    start_m, end_m : array, shape (n, 2)
        Ends, UTM meters; the end of a segment is the start of the next in its street.
    length_m : array, shape (n,)
        Distance between the ends, meters.
    place : array, shape (n,)
        Index into `places.PLACES`.
    street : array, shape (n,)
        Street, from 0, ascending.
    street_name, road_class : array, shape (s,)
        Name; index into `ROAD_CLASSES`.
    covered : list of int
        Places with mains, ascending.
    """

    start_m: npt.NDArray[np.float64]
    end_m: npt.NDArray[np.float64]
    length_m: npt.NDArray[np.float64]
    place: npt.NDArray[np.int64]
    street: npt.NDArray[np.int64]
    street_name: npt.NDArray[np.str_]
    road_class: npt.NDArray[np.int64]
    covered: list[int]

    @property
    def middle_m(self) -> npt.NDArray[np.float64]:
        """Mid-points, shape (n, 2), UTM meters."""
        return (self.start_m + self.end_m) / 2


def lay_streets(rng: np.random.Generator, segments: int) -> Network:
    """Fill as many neighborhoods as `segments` need with streets, as densely as in a full city.

    At `targets.FULL_SIZE` every neighborhood is full; beyond it streets move closer together.
    """
    cells = cells_m()
    quotas = _quotas(shapely.area(cells), segments)
    density = max(segments, _FULL_SEGMENTS) * MEAN_LENGTH_M / shapely.area(cells).sum()
    centers = centres_m()
    parts = [
        _fill(rng, cells[place], centers[place], density, quota) for place, quota in quotas.items()
    ]
    place = np.repeat(list(quotas), list(quotas.values()))
    nodes = np.concatenate([part[0] for part in parts])
    line = np.concatenate([part[1] for part in parts])
    across = np.concatenate([part[2] for part in parts])
    first = np.r_[True, (np.diff(line) != 0) | (np.diff(place) != 0)]
    street = np.cumsum(first) - 1
    names, classes = _name_streets(rng, place[first], line[first], across[first])
    return Network(
        start_m=nodes[:, 0],
        end_m=nodes[:, 1],
        length_m=np.hypot(*(nodes[:, 1] - nodes[:, 0]).T),
        place=place,
        street=street,
        street_name=names,
        road_class=classes,
        covered=sorted(quotas),
    )


def _quotas(areas_m2: npt.NDArray[np.float64], segments: int) -> dict[int, int]:
    """Segments by place: the fewest places that hold them, filled to the same degree."""
    capacity = areas_m2 / areas_m2.sum() * max(segments, _FULL_SEGMENTS)
    order = np.array(visiting_order())
    held = np.cumsum(capacity[order])
    count = min(max(int(np.searchsorted(held, segments)) + 1, _FEWEST_PLACES), len(PLACES))
    chosen = np.sort(order[:count])
    edges = np.cumsum(capacity[chosen]) / capacity[chosen].sum() * segments
    counts = np.diff(np.r_[0, np.rint(edges).astype(np.int64)])
    return dict(zip(chosen.tolist(), counts.tolist(), strict=True))


def _fill(
    rng: np.random.Generator,
    cell: shapely.Polygon,
    center: npt.NDArray[np.float64],
    density: float,
    quota: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Lay a slightly rotated grid and keep the `quota` segments nearest to the center.

    Parameters
    ----------
    density : float
        Length of main per area, m/m2.

    Returns
    -------
    nodes : array, shape (quota, 2, 2)
        Ends of the segments, meters.
    line, across : array, shape (quota,)
        Street within the neighborhood, ascending; 0 along the grid, 1 across it.
    """
    radius = float(np.hypot(*(shapely.get_coordinates(cell) - center).T).max())
    turn = rng.normal(0.0, 0.12)
    spare = _SPARE
    while True:
        spacing = (1 + 1 / _SHORT_BLOCKS_PER_LONG) / (density * spare)
        along = _grid_lines(rng, radius, spacing)
        cross = _grid_lines(rng, radius, spacing * _SHORT_BLOCKS_PER_LONG)[..., ::-1]
        flat = [_segments(lines) for lines in (along, cross)]
        nodes = np.concatenate([nodes for nodes, _ in flat])
        line = np.concatenate([flat[0][1], flat[1][1] + len(along)])
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        nodes = nodes @ rotation + center
        middle = nodes.mean(axis=1)
        inside = np.flatnonzero(shapely.contains_xy(cell, middle[:, 0], middle[:, 1]))
        if len(inside) >= quota:
            break
        spare *= 1.05
    distance = np.hypot(*(middle[inside] - center).T)
    kept = np.sort(inside[np.argsort(distance, kind="stable")[:quota]])
    return nodes[kept], line[kept], (line[kept] >= len(along)).astype(np.int64)


def _grid_lines(rng: np.random.Generator, radius: float, spacing: float) -> npt.NDArray[np.float64]:
    """Nodes of parallel, gently curved lines across a circle, shape (lines, nodes, 2), meters."""
    lines = int(np.ceil(2 * radius / spacing)) + 1
    across = (np.arange(lines) - (lines - 1) / 2 + rng.uniform(-0.15, 0.15, lines)) * spacing
    steps = int(2 * radius / MEAN_LENGTH_M * 1.3) + 8
    lengths = rng.lognormal(
        np.log(MEAN_LENGTH_M) - _LENGTH_SIGMA**2 / 2, _LENGTH_SIGMA, (lines, steps)
    ).clip(*_LENGTH_RANGE_M)
    start = -radius - rng.uniform(0, 2 * MEAN_LENGTH_M, (lines, 1))
    position = np.hstack([start, start + np.cumsum(lengths, axis=1)])
    phase = rng.uniform(0, 2 * np.pi, (lines, 1))
    wave = rng.uniform(500.0, 1500.0, (lines, 1))
    bend = _WIGGLE_M * np.sin(2 * np.pi * position / wave + phase)
    return np.stack([position, across[:, None] + bend], axis=-1)


def _segments(
    lines: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Consecutive node pairs, shape (segments, 2, 2), and the line of each."""
    pairs = np.stack([lines[:, :-1], lines[:, 1:]], axis=2)
    return pairs.reshape(-1, 2, 2), np.repeat(np.arange(len(lines)), lines.shape[1] - 1)


def _name_streets(
    rng: np.random.Generator,
    place: npt.NDArray[np.int64],
    line: npt.NDArray[np.int64],
    across: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.int64]]:
    """Name (unique in its neighborhood) and road class of each street, every tenth an arterial."""
    road_class = np.select([line % 10 == 4, line % 5 == 2], [2, 1], 0)
    offset = rng.integers(len(_STREET_NAMES), size=len(PLACES))[place]
    base = np.array(_STREET_NAMES)[(line + offset) % len(_STREET_NAMES)]
    quarter = np.array(["", "N ", "S ", "E ", "W "])[line // len(_STREET_NAMES) % 5]
    suffix = np.array(_SUFFIXES)[road_class, across]
    return np.strings.add(np.strings.add(np.strings.add(quarter, base), " "), suffix), road_class
