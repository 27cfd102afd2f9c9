"""One picture of the result: where the risk lies, and what ranking by it catches."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.metrics import SHARES, Estimate
from la_pipeline_failure_predict.powerbi.theme import MUTED_INK
from la_pipeline_failure_predict.report.captures import SIMPLE_RULES, Captures, read_captures
from la_pipeline_failure_predict.report.drawing import COLORS, drawing, save, say_below_title
from la_pipeline_failure_predict.report.risk_map import Main, draw_map
from la_pipeline_failure_predict.report.words import years
from la_pipeline_failure_predict.warehouse import Warehouse

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RULE_NAMES = {SIMPLE_RULES[0]: "rule: past breaks per km", SIMPLE_RULES[1]: "rule: oldest first"}
MARKERS = ("o", "s", "^")
MAINS = """
    select
        risk.longitude, risk.latitude, risk.risk_class_code, risk.street_name, risk.length_m,
        risk.is_stub, pipes.line_wkt,
        case when risk.area_id <> 'unknown' then risk.area_name end as area_name
    from powerbi.pipe_risk as risk
    inner join powerbi.pipes as pipes on risk.pipe_id = pipes.pipe_id
    order by risk.risk_rank
"""
SCORED = """
    select min(as_of_date) as day, sum(expected_breaks) as expected from powerbi.pipe_risk
"""


@dataclass(frozen=True)
class Picture:
    """The file that was written, and what it does not show and why, a sentence each."""

    file: Path
    notes: tuple[str, ...]


def draw_result(warehouse: Warehouse, file: Path) -> Picture:
    """Draw a map of the mains by risk class, and the share of breaks that the riskiest caught.

    Without coordinates there is no map, without a judged year no shares: the notes say so.

    Raises
    ------
    UserError
        If there are no scored mains, neither can be drawn, or matplotlib is not installed.
    """
    mains = _read_mains(warehouse)
    captures = read_captures(warehouse)
    placed = [main for main in mains if main.has_place]
    notes = _notes(len(placed), len(mains), captures)
    if not placed and captures is None:
        raise UserError(f"There is nothing to draw. {' '.join(notes)}")
    scored = warehouse.query(SCORED).to_pylist()[0]
    shown = [bool(placed), captures is not None]
    ratios = [ratio for ratio, is_shown in zip((1, 1), shown, strict=True) if is_shown]
    width = 11.5 if all(shown) else 6.5
    with drawing(sum(shown), width, 5.4, width_ratios=ratios) as (figure, panels):
        if placed:
            names = "areas" if any(main.area_name for main in placed) else "the riskiest streets"
            text = (
                f"{scored['expected']:,.0f} breaks expected in the 12 months from {scored['day']};"
                f"\n{len(placed):,} mains by risk class, names of {names}"
            )
            draw_map(panels[0], mains, "Where the risk lies", text)
        if captures:
            draw_captures(panels[-1], captures)
        save(figure, file)
    return Picture(file, notes)


def draw_captures(panel: "Axes", captures: Captures) -> None:
    """Draw the share of breaks caught at each share of length, with 95 % intervals."""
    labels = {
        name: RULE_NAMES.get(name, f"this model ({captures.label})") for name in captures.by_ranking
    }
    count = len(labels)
    for number, (name, label) in enumerate(labels.items()):
        shift = 0.2 * (number - (count - 1) / 2)
        is_model = name not in RULE_NAMES
        _draw_ranking(
            panel,
            captures.by_ranking[name],
            shift,
            color=COLORS[number],
            marker=MARKERS[number],
            label=label,
            has_values=is_model,
        )
    for position, share in enumerate(SHARES):
        panel.plot(
            [position - 0.36, position + 0.36],
            [100 * share] * 2,
            ":",
            color=MUTED_INK,
            linewidth=1.2,
            label="picked at random" if position == 0 else None,
        )
    panel.set(
        xticks=range(len(SHARES)),
        xticklabels=[f"{100 * share:g} %" for share in SHARES],
        xlabel="mains renewed first, share of the network's length",
        ylabel="share of the year's breaks that were on them, %",
        xlim=(-0.6, len(SHARES) - 0.4),
        ylim=(0, None),
    )
    panel.legend(loc="upper left")
    panel.yaxis.grid(visible=True)
    panel.set_axisbelow(True)
    title = "What renewing the riskiest would have caught"
    say_below_title(panel, title, _basis(captures))


def _draw_ranking(
    panel: "Axes",
    estimates: Sequence[Estimate],
    shift: float,
    *,
    color: str,
    marker: str,
    label: str,
    has_values: bool,
) -> None:
    known = [(at, item) for at, item in enumerate(estimates) if item.value is not None]
    places = [at + shift for at, _ in known]
    values = [100 * float(item.value or 0) for _, item in known]
    ends = [
        (value - 100 * (item.lower or 0), 100 * (item.upper or 0) - value)
        if item.lower is not None and item.upper is not None
        else (0.0, 0.0)
        for value, (_, item) in zip(values, known, strict=True)
    ]
    panel.errorbar(
        places,
        values,
        yerr=list(zip(*ends, strict=True)) or None,
        fmt=marker,
        color=color,
        markersize=6 if has_values else 5,
        capsize=2.5,
        elinewidth=1.2,
        label=label,
    )
    for place, value, end in zip(places, values, ends, strict=True) if has_values else ():
        panel.annotate(
            f"{value:.0f} %" if value >= 10 else f"{value:.1f} %",
            (place, value + end[1]),
            (0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
            color=color,
        )


def _basis(captures: Captures) -> str:
    breaks = f"{captures.breaks:,} breaks; bars: 95 % intervals"
    if captures.is_backtest:
        return f"{years(captures.origins)}, each ranked from what was known before;\n{breaks}"
    return f"one year only, {years(captures.origins)}, held out of training;\n{breaks}"


def has_scored_mains(warehouse: Warehouse) -> bool:
    """Tell whether there is a main to draw."""
    return warehouse.has_table("powerbi", "pipe_risk") and bool(
        warehouse.scalar("select count(*) from powerbi.pipe_risk")
    )


def _read_mains(warehouse: Warehouse) -> list[Main]:
    rows = []
    if warehouse.has_table("powerbi", "pipe_risk"):
        rows = warehouse.query(MAINS).to_pylist()
    if not rows:
        raise UserError("There are no scored mains to draw: run la-pipes run first.")
    return [Main(**row) for row in rows]


def _notes(placed: int, mains: int, captures: Captures | None) -> tuple[str, ...]:
    notes = []
    if not placed:
        notes.append(
            "No map: the mains have no coordinates. Map start_longitude, start_latitude, "
            "end_longitude and end_latitude to get one."
        )
    elif placed < mains:
        notes.append(f"{mains - placed:,} of {mains:,} mains are not on the map: no coordinates.")
    if captures is None:
        notes.append(
            "No shares of breaks caught: the record is too short to judge a year. Load older "
            "breaks, and run la-pipes backtest --grain pipe."
        )
    elif not captures.is_backtest:
        notes.append(
            "One year is little to judge by: la-pipes backtest --grain pipe judges many, and "
            "la-pipes report draws them then."
        )
    return tuple(notes)
