"""A map of the mains by risk class that needs no network: true to scale, with names of places."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, floor, log10, radians
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from la_pipeline_failure_predict.powerbi.theme import CLASS_COLORS, INK, MUTED_INK
from la_pipeline_failure_predict.report.drawing import say_below_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KM_PER_DEGREE = 111.2
# In points. What is drawn last lies on top.
WIDTHS = {"low": 0.7, "medium": 1.2, "high": 1.9, "very_high": 3.2}
NAMED_PLACES = 12
NAMED_STREETS = 6


@dataclass(frozen=True)
class Main:
    """One main of the ranking, as far as the map needs it."""

    longitude: float | None
    latitude: float | None
    risk_class_code: str
    area_name: str | None
    street_name: str | None
    length_m: float
    is_stub: bool
    line_wkt: str | None = None

    @property
    def has_place(self) -> bool:
        """Whether it can be drawn."""
        return self.longitude is not None and self.latitude is not None


def draw_map(panel: "Axes", mains: Sequence[Main], title: str, text: str) -> None:
    """Draw the mains that have coordinates, the riskiest first in the sequence."""
    placed = [main for main in mains if main.has_place]
    middle = _degrees(placed).mean(axis=0)
    points = _kilometers(_degrees(placed), middle)
    codes = np.array([main.risk_class_code for main in placed])
    total = sum(main.length_m for main in mains)
    for code, color in CLASS_COLORS.items():
        at = np.flatnonzero(codes == code)
        if not at.size:
            continue
        length = sum(main.length_m for main in mains if main.risk_class_code == code)
        label = f"{code.replace('_', ' ')}: {len(at):,} mains, {_percent(length / total)} of length"
        _draw_mains(panel, [placed[i] for i in at], middle, WIDTHS[code], color)
        panel.plot([], [], "o", color=color, markersize=5, label=label)  # for the legend
    panel.set(xticks=[], yticks=[], aspect="equal", anchor="N")
    panel.margins(0.06)
    panel.spines[:].set_visible(False)
    _name_places(panel, placed, points)
    _draw_scale(panel, points)
    panel.legend(
        loc="upper left",
        bbox_to_anchor=(0, -0.01),
        ncols=2,
        fontsize=8.5,
        handletextpad=0.3,
    )
    say_below_title(panel, title, text)


def _draw_mains(
    panel: "Axes",
    mains: Sequence[Main],
    middle: NDArray[np.float64],
    width: float,
    color: str,
) -> None:
    """Draw the lines of mains, and a point for each main that has none."""
    from matplotlib.collections import LineCollection

    lines = shapely.get_parts(shapely.from_wkt([main.line_wkt for main in mains if main.line_wkt]))
    if lines.size:
        nodes = _kilometers(shapely.get_coordinates(lines), middle)
        ends = shapely.get_num_coordinates(lines).cumsum()[:-1]
        drawn = LineCollection(
            np.split(nodes, ends), color=color, linewidth=width, capstyle="round"
        )
        panel.add_collection(drawn)
    points = _kilometers(_degrees([main for main in mains if not main.line_wkt]), middle)
    if points.size:
        panel.scatter(points[:, 0], points[:, 1], s=2 * width**2, color=color, linewidths=0)


def _degrees(mains: Sequence[Main]) -> NDArray[np.float64]:
    """Return longitude and latitude of the middle of each main, shape (mains, 2)."""
    places = [(main.longitude, main.latitude) for main in mains]
    return np.array(places, dtype=np.float64).reshape(-1, 2)


def _kilometers(degrees: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return kilometers east and north of the middle, shape (places, 2)."""
    scale = np.array([cos(radians(middle[1])), 1.0]) * KM_PER_DEGREE
    found: NDArray[np.float64] = (degrees - middle) * scale
    return found


def _name_places(panel: "Axes", mains: Sequence[Main], points: NDArray[np.float64]) -> None:
    """Write the names of areas, or where mains have none those of the riskiest streets."""
    areas: dict[str, list[int]] = {}
    streets: dict[str, list[int]] = {}
    for position, main in enumerate(mains):
        if main.area_name:
            areas.setdefault(main.area_name, []).append(position)
        if main.street_name and not main.is_stub and len(streets) < NAMED_STREETS:
            streets.setdefault(main.street_name.title(), [position])
    largest = sorted(areas, key=lambda name: -len(areas[name]))[:NAMED_PLACES]
    rows = {name: areas[name] for name in largest} or streets
    boxes = {name: _box_around(points[at]) for name, at in rows.items()}
    span = float(np.ptp(points, axis=0).max())
    taken = [box for box in boxes.values() if box[2] > box[0]]
    for name, box in boxes.items():
        label = _free_place(name, box, span, [other for other in taken if other is not box])
        if label:
            taken.append(label)
            _write(panel, name, label, box)


Box = tuple[float, float, float, float]


def _box_around(points: NDArray[np.float64]) -> Box:
    (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
    return float(west), float(south), float(east), float(north)


def _free_place(name: str, box: Box, span: float, taken: Sequence[Box]) -> Box | None:
    """Return where a name overlaps nothing: above what it names, below, right or left of it.

    None where there is no such place.
    """
    # About what 8.5 points take on a map of this size.
    width, height, gap = 0.0155 * len(name) * span, 0.035 * span, 0.01 * span
    west, south, east, north = box
    middle, level = (west + east) / 2, (south + north) / 2
    tried = [
        (middle - width / 2, north + gap),
        (middle - width / 2, south - gap - height),
        (east + gap, level - height / 2),
        (west - gap - width, level - height / 2),
    ]
    if west == east:  # a point: beside it first
        tried = [*tried[2:], *tried[:2]]
    for x, y in tried:
        place = (x, y, x + width, y + height)
        if not any(_overlaps(place, other) for other in taken):
            return place
    return None


def _overlaps(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _write(panel: "Axes", name: str, place: Box, named: Box) -> None:
    """Write a name in its place, its near end beside what it names."""
    from matplotlib.patheffects import withStroke

    x, side = (place[0] + place[2]) / 2, "center"
    if place[0] > named[2]:
        x, side = place[0], "left"
    elif place[2] < named[0]:
        x, side = place[2], "right"
    panel.text(
        x,
        (place[1] + place[3]) / 2,
        name,
        ha=side,
        va="center",
        fontsize=8.5,
        color=INK,
        path_effects=[withStroke(linewidth=2.5, foreground="white")],
        zorder=5,
    )


def _draw_scale(panel: "Axes", points: NDArray[np.float64]) -> None:
    """Draw a bar of a round length, about a fifth of the map wide."""
    low, high = points.min(axis=0), points.max(axis=0)
    length = _round_down(max((high - low).max() / 4, 0.001))
    y = low[1] - 0.05 * (high - low).max()
    start = high[0] - length
    panel.plot([start, high[0]], [y, y], color=INK, linewidth=2, solid_capstyle="butt")
    label = f"{length:g} km" if length >= 1 else f"{1000 * length:g} m"
    panel.annotate(
        label,
        (start + length / 2, y),
        (0, -3),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=8.5,
        color=MUTED_INK,
    )


def _round_down(value: float) -> float:
    """Return the greatest of 1, 2, 5 times a power of ten that is not above the value."""
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (5, 2, 1) if step * power <= value * 1.000001)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"
