"""Charts with axes: lines, columns, bars and points."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from math import ceil
from typing import Any

import numpy as np
from matplotlib import dates as days
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.ticker import Formatter, MaxNLocator

from la_pipeline_failure_predict.powerbi.pbir import CLASS_COLUMN
from la_pipeline_failure_predict.powerbi.preview.number_format import shortened
from la_pipeline_failure_predict.powerbi.preview.panel import (
    PADDING,
    TEXT_SIZE,
    Panel,
    fitted,
    text_width,
    wrapped,
)
from la_pipeline_failure_predict.powerbi.preview.rows import Rows
from la_pipeline_failure_predict.powerbi.report import Field, Visual
from la_pipeline_failure_predict.powerbi.theme import DATA_COLORS, INK, STYLES, class_colors

BARS = ("barChart", "clusteredBarChart")
STACKED = ("barChart", "columnChart")
LINES = ("lineChart",)
# A bar is at least as high; figures and names of an axis are at least as far apart.
BAR_PIXELS, TICK_PIXELS, NAME_PIXELS, GAP_PIXELS = 20, 45, 60, 1
# Share of a category's place that its bar fills, and the most of a chart that names may take.
BAR_SHARE, MOST_NAME_SHARE = 0.75, 0.4
# A name on two lines is read more easily than every other name.
MOST_NAME_LINES = 2


@dataclass(frozen=True)
class Series:
    """Figures of one color, one for each category."""

    name: str
    colors: Sequence[str]
    values: Sequence[float | None]
    format: str

    @property
    def heights(self) -> Sequence[float]:
        """The figures, with nothing as zero."""
        return [value or 0.0 for value in self.values]


@dataclass(frozen=True)
class Categories:
    """What a chart shows figures of, in order.

    Attributes
    ----------
    is_continuous
        Whether they lie on the axis as far apart as their values do.
    """

    field: Field
    values: Sequence[Any]
    names: Sequence[str]
    format: str
    is_continuous: bool

    @property
    def places(self) -> Sequence[float]:
        """Where they lie on the axis."""
        if not self.is_continuous:
            return range(len(self.values))
        if isinstance(self.values[0], date):
            return [float(place) for place in days.date2num(self.values)]
        return [float(value) for value in self.values]

    @property
    def width(self) -> float:
        """What a bar may fill, in units of the axis."""
        return BAR_SHARE * float(min(np.diff(self.places), default=1))


def draw_chart(panel: Panel, visual: Visual, rows: Rows) -> None:
    """Draw columns, bars or lines by category."""
    categories = _categories(visual, rows)
    first = list(_series(visual, rows, categories, "Y"))
    second = list(_series(visual, rows, categories, "Y2", len(first)))
    series = [*first, *second]
    if visual.roles.get("Series") or len(series) > 1:
        panel.legend((one.name, one.colors[0]) for one in series)
    if visual.kind in BARS:
        _draw_bars(panel, visual, categories, first)
        return
    axes = panel.axes()
    if visual.kind in LINES:
        _draw_lines(axes, visual, categories, first)
    else:
        _draw_columns(axes, visual, categories, first)
    _draw_value_axis(axes, panel, visual.roles["Y"], first)
    if second:
        beside = axes.twinx()
        _draw_lines(beside, visual, categories, second)
        _draw_value_axis(beside, panel, visual.roles["Y2"], second)
        beside.grid(visible=False)
    width, height = panel.room(axes)
    _draw_category_axis(axes, categories, width)
    for one in panel.figure.axes:
        one.set_ylabel(fitted(one.get_ylabel(), height))


def draw_scatter(panel: Panel, visual: Visual, rows: Rows) -> None:
    """Draw a point for each row."""
    across, up = visual.roles["X"][0], visual.roles["Y"][0]
    groups = list(groups_of(visual, rows))
    if visual.roles.get("Series"):
        panel.legend((name, color) for name, color, _ in groups)
    axes = panel.axes()
    for _, color, places in groups:
        axes.scatter(
            rows.numbers(across)[places],
            rows.numbers(up)[places],
            s=16,
            color=color,
            alpha=0.8,
            linewidths=0,
        )
    axes.grid(visible=True)
    for axis, shown in ((axes.xaxis, across), (axes.yaxis, up)):
        largest = np.nanmax(np.abs(rows.numbers(shown)))
        axis.set_major_formatter(_ValueFormatter(rows.formats[shown], largest))
        axis.set_label_text(shown.name)


def groups_of(visual: Visual, rows: Rows) -> Iterator[tuple[str, str, list[int]]]:
    """Yield name, color and places of the rows of each value of the series."""
    split = visual.roles.get("Series")
    if not split:
        yield "", DATA_COLORS[0], list(range(len(rows)))
        return
    for number, value in enumerate(rows.distinct(split[0])):
        name = rows.name(split[0], value)
        places = [place for place, held in enumerate(rows.values[split[0]]) if held == value]
        yield name, _color(split[0], name, number), places


def _categories(visual: Visual, rows: Rows) -> Categories:
    field = visual.roles["Category"][0]
    values = rows.distinct(field)
    if visual.sort and visual.sort.field.is_measure:
        totals = dict.fromkeys(values, 0.0)
        for value, figure in zip(rows.values[field], rows.values[visual.sort.field], strict=True):
            totals[value] += figure or 0.0
        values.sort(key=totals.__getitem__, reverse=visual.sort.is_descending)
    elif visual.sort and visual.sort.is_descending:
        values.reverse()
    known = [value for value in values if value is not None]
    is_number = all(isinstance(value, int | float) for value in known)
    is_continuous = bool(known) and (
        isinstance(known[0], date) or (is_number and visual.kind in LINES)
    )
    shown = sorted(known) if is_continuous else values
    names = [rows.name(field, value) for value in shown]
    return Categories(field, shown, names, rows.formats[field], is_continuous)


def _series(
    visual: Visual, rows: Rows, categories: Categories, role: str, number: int = 0
) -> Iterator[Series]:
    """Yield the figures of each color; colors go on where those of the first axis end."""
    split = visual.roles.get("Series") if role == "Y" else ()
    for measure in visual.roles.get(role, ()):
        if split:
            figures = rows.figures(measure, categories.field, split[0])
            for value in rows.distinct(split[0]):
                name = rows.name(split[0], value)
                yield Series(
                    name,
                    [_color(split[0], name, number)],
                    [figures.get((category, value)) for category in categories.values],
                    rows.formats[measure],
                )
                number += 1
            continue
        figures = rows.figures(measure, categories.field)
        yield Series(
            measure.name,
            [_color(categories.field, name, number) for name in categories.names],
            [figures.get((category,)) for category in categories.values],
            rows.formats[measure],
        )
        number += 1


def _color(field: Field, name: str, number: int) -> str:
    """Return the color of a value of a column: of a class of risk its own."""
    color = DATA_COLORS[number % len(DATA_COLORS)]
    return class_colors().get(name, color) if field.source == CLASS_COLUMN else color


def _draw_lines(
    axes: Axes, visual: Visual, categories: Categories, series: Sequence[Series]
) -> None:
    styles = STYLES[visual.kind].get("lineStyles", {})
    for one in series:
        axes.plot(
            categories.places,
            [np.nan if value is None else value for value in one.values],
            color=one.colors[0],
            linewidth=styles.get("strokeWidth", 2),
            marker="o" if styles.get("showMarker") else "",
            markersize=5,
            solid_joinstyle="round",
        )


def _draw_columns(
    axes: Axes, visual: Visual, categories: Categories, series: Sequence[Series]
) -> None:
    for one, places, width, start in _bars(visual, categories, series):
        axes.bar(places, one.heights, width, bottom=start, color=one.colors, linewidth=0)


def _bars(
    visual: Visual, categories: Categories, series: Sequence[Series]
) -> Iterator[tuple[Series, np.ndarray, float, np.ndarray]]:
    """Yield each series with place, width and start of its bars: side by side, or stacked."""
    places, start = np.asarray(categories.places, dtype=float), np.zeros(len(categories.values))
    lanes = _lanes(visual, series)
    width = categories.width / lanes
    for number, one in enumerate(series):
        yield one, places + (number % lanes - (lanes - 1) / 2) * width, width, start
        if visual.kind in STACKED:
            start = start + one.heights


def _lanes(visual: Visual, series: Sequence[Series]) -> int:
    """Return how many bars stand side by side."""
    return 1 if visual.kind in STACKED else len(series)


def _draw_bars(
    panel: Panel, visual: Visual, categories: Categories, series: Sequence[Series]
) -> None:
    """Draw bars from top to bottom, as many as there is room for, each with its figure."""
    free, pixels = panel.height - panel.top - PADDING, BAR_PIXELS * _lanes(visual, series)
    count = min(max(1, free // pixels), len(categories.names))
    if count < len(categories.names):
        panel.scroll_bar(panel.top, count / len(categories.names))
    axes = panel.axes()
    names = [fitted(name, MOST_NAME_SHARE * panel.width) for name in categories.names[:count]]
    cut = replace(categories, values=categories.values[:count], names=names)
    shown = [replace(one, values=one.values[:count], colors=one.colors[:count]) for one in series]
    bars = [
        axes.barh(places, one.heights, width, left=start, color=one.colors, linewidth=0)
        for one, places, width, start in _bars(visual, cut, shown)
    ]
    longest = _label_bars(axes, bars, shown) if len(shown) == _lanes(visual, shown) else 0.0
    low, high = axes.dataLim.intervalx
    room = panel.width - 3 * PADDING - max(text_width(name) for name in names)
    scale = room / max(room - longest - PADDING, 1)
    axes.set_xlim(min(0, low) * scale, max(0, high) * scale or 1)
    axes.set_yticks(cut.places, names)
    axes.set_ylim(count - 0.5, -0.5)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)


def _label_bars(axes: Axes, bars: Sequence[BarContainer], series: Sequence[Series]) -> float:
    """Write figures at the ends of bars; returns the width of the longest, pixels."""
    largest = max(abs(height) for one in series for height in one.heights)
    longest = 0.0
    for one, ends in zip(series, bars, strict=True):
        texts = [
            "" if value is None else shortened(value, one.format, largest) for value in one.values
        ]
        axes.bar_label(ends, texts, padding=4, fontsize=TEXT_SIZE)
        longest = max(longest, *(text_width(text) for text in texts))
    return longest


def _draw_value_axis(
    axes: Axes, panel: Panel, measures: Sequence[Field], series: Sequence[Series]
) -> None:
    free = panel.height - panel.top
    axes.yaxis.set_major_locator(MaxNLocator(max(2, int(free / TICK_PIXELS))))
    low, high = axes.get_ylim()
    if min(chain.from_iterable(one.heights for one in series), default=0) >= 0:
        axes.set_ylim(0, high)
    axes.yaxis.set_major_formatter(_ValueFormatter(series[0].format, max(abs(low), abs(high))))
    axes.set_ylabel(" and ".join(measure.name for measure in measures))
    axes.grid(visible=True, axis="y")


def _draw_category_axis(axes: Axes, categories: Categories, free: float) -> None:
    """Name as many categories as there is room for."""
    if categories.is_continuous:
        if isinstance(categories.values[0], date):
            locator = days.AutoDateLocator(maxticks=int(free / NAME_PIXELS))
            formatter = days.ConciseDateFormatter(locator, show_offset=False)
        else:
            locator = MaxNLocator(int(free / NAME_PIXELS))
            formatter = _ValueFormatter(categories.format, max(categories.places))
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(formatter)
        edge = categories.width
        axes.set_xlim(categories.places[0] - edge, categories.places[-1] + edge)
        return
    names, place = list(categories.names), free / len(categories.names)
    step = 1
    longest = max((text_width(word) for name in names for word in name.split()), default=0)
    if longest + GAP_PIXELS <= place:
        names = [
            "\n".join(wrapped(name, place, TEXT_SIZE, "normal", MOST_NAME_LINES)) for name in names
        ]
    else:
        step = ceil((max(text_width(name) for name in names) + PADDING) / place)
    axes.set_xticks(categories.places[::step], names[::step])
    axes.set_xlim(-0.6, len(names) - 0.4)


class _ValueFormatter(Formatter):
    """Writes the figures of an axis, without decimals that are zero everywhere."""

    def __init__(self, text_format: str, largest: float) -> None:
        self._format, self._largest = text_format, largest

    def __call__(self, value: float, position: int | None = None) -> str:
        return shortened(value, self._format, self._largest)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        texts = [self(value) for value in values]
        whole = [re.sub(r"\.0+(?=\D*$)", "", text) for text in texts]
        return whole if not any("." in text for text in whole) else texts
