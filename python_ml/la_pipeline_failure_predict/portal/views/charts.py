"""Charts as shapes: templates draw them as SVG, each beside the table of its numbers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from la_pipeline_failure_predict.portal.data.plan import RULES
from la_pipeline_failure_predict.portal.views.words import usd_short

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 10, 26
LINE_HEIGHT = 50
TICKS = 4
YEAR_STEPS = (1, 2, 5, 10, 20, 50, 100, 1000)
MOST_YEARS = 12
# What is left of 1 by rounding.
ALMOST = 0.999999
NICE = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: where it is, and what it says."""

    at: float
    text: str


@dataclass(frozen=True)
class Bar:
    """A bar that stands on the axis."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Line:
    """A line through points, or several where points are missing."""

    name: str
    paths: Sequence[str]


@dataclass(frozen=True)
class Chart:
    """What a template draws.

    Attributes
    ----------
    says
        The chart in a sentence, for those who don't see it.
    """

    says: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick] = ()
    bars: Sequence[Bar] = ()
    bars_name: str = ""
    lines: Sequence[Line] = ()
    dots: Sequence[Tick] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def across(share: float) -> float:
    """Return where a share of the horizontal axis is."""
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def up(share: float) -> float:
    """Return where a share of the vertical axis is."""
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def steps(most: float) -> list[float]:
    """Return round numbers from 0 to the first that is not below the most."""
    if most <= 0:
        return [0.0, 1.0]
    unit = 10.0 ** math.floor(math.log10(most / TICKS))
    step = next(unit * factor for factor in NICE if unit * factor * TICKS >= most * ALMOST)
    return [step * number for number in range(math.ceil(most / step * ALMOST) + 1)]


def y_axis(most: float, write: Callable[[float], str]) -> tuple[float, list[Tick]]:
    """Return the top of a vertical axis, and its marks."""
    marks = steps(most)
    return marks[-1], [Tick(up(mark / marks[-1]), write(mark)) for mark in marks]


def line(name: str, shares: Sequence[tuple[float, float | None]]) -> Line:
    """Draw a line through shares of both axes; it is broken where the vertical one is missing."""
    paths: list[list[str]] = [[]]
    for x, y in shares:
        if y is None:
            paths.append([])
        else:
            paths[-1].append(f"{across(x)},{up(y)}")
    return Line(name, [" ".join(path) for path in paths if path])


def curve_chart(curve: Sequence[Mapping[str, Any]]) -> Chart:
    """Draw what budgets avoid by each rule, USD in ten years."""
    most = curve[-1]
    top, y_ticks = y_axis(max(usd for _, usd in most["rules"]), usd_short)
    names = list(RULES.values())
    said = ", ".join(
        f"{name.lower()} {usd_short(avoided)}"
        for name, (_, avoided) in zip(names, most["rules"], strict=True)
    )
    return Chart(
        says=f"Cost avoided in ten years by budget. With {usd_short(most['budget_usd'])}: {said}.",
        x_ticks=[
            Tick(across(number / len(curve)), usd_short(point["budget_usd"]))
            for number, point in enumerate(curve, 1)
            if number % 2 == 0
        ],
        y_ticks=y_ticks,
        lines=[
            line(
                name,
                [(0.0, 0.0)]
                + [
                    (number / len(curve), point["rules"][rule][1] / top)
                    for number, point in enumerate(curve, 1)
                ],
            )
            for rule, name in enumerate(names)
        ],
    )


def months_chart(months: Sequence[Mapping[str, Any]]) -> Chart:
    """Draw breaks of each month as bars, and what was expected as a line."""
    count = len(months)
    most = max(max(month["breaks"] or 0, month["expected_breaks"] or 0) for month in months)
    top, y_ticks = y_axis(most, lambda mark: f"{mark:g}")
    first, last = months[0]["month_on"], months[-1]["month_on"]
    width = (WIDTH - LEFT - RIGHT) / count
    bars = [
        Bar(
            round(across(number / count) + width * 0.15, 1),
            up((month["breaks"] or 0) / top),
            round(width * 0.7, 1),
            round(HEIGHT - BOTTOM - up((month["breaks"] or 0) / top), 1),
        )
        for number, month in enumerate(months)
    ]
    expected = line(
        "Expected",
        [
            (
                (number + 0.5) / count,
                None if month["expected_breaks"] is None else month["expected_breaks"] / top,
            )
            for number, month in enumerate(months)
        ],
    )
    total = sum(month["breaks"] or 0 for month in months)
    return Chart(
        says=f"Breaks by month from {first:%B %Y} to {last:%B %Y}: altogether {total:,}.",
        x_ticks=[
            Tick(across((number + 0.5) / count), f"{month['month_on']:%b %Y}")
            for number, month in enumerate(months)
            if month["month_on"].month in (1, 7)
        ],
        y_ticks=y_ticks,
        bars=bars,
        bars_name="Breaks",
        lines=[expected],
    )


def time_line(days: Sequence[date], install_year: int | None, until: date) -> Chart:
    """Draw the breaks of a main as dots, from when it was laid."""
    first = min([day.year for day in days] + ([install_year] if install_year else []))
    last = max([until.year, install_year or 0, *(day.year for day in days)]) + 1
    step = next(years for years in YEAR_STEPS if (last - first) / years <= MOST_YEARS)
    named = range(math.ceil(first / step) * step, last + 1, step)

    def at(year: float) -> float:
        return across((year - first) / (last - first))

    laid = f"laid in {install_year}, " if install_year else ""
    return Chart(
        says=f"Time line: {laid}{len(days)} {'break' if len(days) == 1 else 'breaks'}: "
        + ", ".join(f"{day:%Y-%m-%d}" for day in sorted(days)),
        x_ticks=[Tick(at(year), str(year)) for year in named],
        dots=[
            Tick(at(day.year + (day.timetuple().tm_yday - 1) / 366), f"{day:%Y-%m-%d}")
            for day in days
        ],
        height=LINE_HEIGHT,
        left=round(at(max(install_year or first, first))),
        bottom=LINE_HEIGHT - BOTTOM,
    )
