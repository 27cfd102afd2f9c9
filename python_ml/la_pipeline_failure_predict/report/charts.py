"""The charts of the report page: what the record says, how the model did, and what a budget buys.

Each chart reads a mart or a view, states what it shows in a sentence, and gives its rows as a
table. Where there is nothing to draw, the sentence says why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scipy.stats import chi2

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.metrics import SHARES
from la_pipeline_failure_predict.powerbi.theme import INK, LINE, MUTED_INK
from la_pipeline_failure_predict.report.captures import read_captures
from la_pipeline_failure_predict.report.drawing import COLORS
from la_pipeline_failure_predict.report.words import RULE_LABELS, years
from la_pipeline_failure_predict.warehouse import Warehouse

if TYPE_CHECKING:
    import altair

Rows = list[dict[str, Any]]
WIDTH, HEIGHT = 620, 300
# Of less exposure, a rate says more about chance than about the mains; the table keeps it.
LEAST_KM_YEARS = 50
NO_MAINS = (
    "The delivered record says which area and month a break was in, not which main: there is "
    "nothing to show by main. Los Angeles publishes its leaks so."
)


@dataclass(frozen=True)
class Drawn:
    """A chart with its rows; no chart where there is nothing to draw, and the text says why."""

    text: str
    chart: "altair.TopLevelMixin | None" = None
    rows: Rows = field(default_factory=list)


@dataclass(frozen=True)
class Chart:
    """A chart of the page: its name in files and links, its title, and what draws it."""

    name: str
    title: str
    draw: Callable[[Warehouse], Drawn]


def poisson_interval(count: float, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a Poisson mean (Garwood 1936, Biometrika 28).

    >>> [round(end, 2) for end in poisson_interval(10)]
    [4.8, 18.39]
    """
    outside = (1 - level) / 2
    lower = chi2.ppf(outside, 2 * count) / 2 if count else 0.0
    return float(lower), float(chi2.ppf(1 - outside, 2 * count + 2) / 2)


MONTHS = """
    select month_on, break_count, expected_breaks, temperature_min_c, rainfall_mm
    from powerbi.city_months
    where is_complete_month
    order by month_on
"""


def _monthly(warehouse: Warehouse) -> Drawn:
    rows = [row for row in _rows(warehouse, MONTHS) if row["break_count"] is not None]
    if not rows:
        return Drawn("No month of the record has ended yet: load breaks.")
    total = sum(row["break_count"] for row in rows)
    judged = [row for row in rows if row["expected_breaks"] is not None]
    text = f"{total:,} breaks in {len(rows):,} months."
    if judged:
        observed = sum(row["break_count"] for row in judged)
        expected = sum(row["expected_breaks"] for row in judged)
        text += (
            f" In the {len(judged)} months that were predicted by a model that had not seen them, "
            f"{observed:,} breaks came and {expected:,.0f} were expected."
        )
    alt = _altair()
    base = alt.Chart(_data(rows)).encode(x=alt.X("month_on:T", title="month"))
    breaks = base.mark_line(color=COLORS[1]).encode(
        y=alt.Y("break_count:Q", title="breaks in the month")
    )
    expected_line = base.mark_line(color=COLORS[0], strokeDash=[5, 3], strokeWidth=2.5).encode(
        y="expected_breaks:Q"
    )
    return Drawn(f"{text} Line: breaks; dashes: expected.", breaks + expected_line, rows)


AGES = """
    select
        case when material_group_name is null then 'Unknown' else material_group_name end
            as material,
        age_band_name as age, min(age_band_sort) as age_sort, count(*) as breaks
    from powerbi.pipe_breaks
    where is_in_record and age_years is not null
    group by 1, 2
    order by 1, 3
"""


def _ages(warehouse: Warehouse) -> Drawn:
    rows = _rows(warehouse, AGES)
    if not rows:
        return Drawn(NO_MAINS)
    oldest = sum(row["breaks"] for row in rows if row["age_sort"] >= 4)
    total = sum(row["breaks"] for row in rows)
    alt = _altair()
    order = [row["age"] for row in sorted(rows, key=lambda row: row["age_sort"])]
    chart = (
        alt.Chart(_data(rows))
        .mark_bar()
        .encode(
            x=alt.X("age:N", sort=list(dict.fromkeys(order)), title="age of the main at the break"),
            y=alt.Y("breaks:Q", title="breaks on record"),
            color=_colors("material:N", "material"),
        )
    )
    return Drawn(
        f"{total:,} breaks on mains whose age is known; {_percent(oldest / total)} on mains of 60 "
        "years and more. How many mains there are of an age is not considered here: see the rates.",
        chart,
        rows,
    )


RATES = """
    select
        {by} as {name},
        sum(breaks_next_12m) as breaks,
        sum(length_m) / 1000 as km_years
    from features.fct_pipe_features
    where is_label_complete
    group by {group}
    order by {group}
"""
DECADE = (
    "replace(material_group, '_', ' ') as material, case when install_year is null then 'unknown' "
    "else cast(cast(floor(install_year / 10.0) * 10 as integer) as text) || 's' end"
)


def _decades(warehouse: Warehouse) -> Drawn:
    rows = _rates(_rows(warehouse, RATES.format(by=DECADE, name="decade", group="1, 2")))
    shown = [row for row in rows if row["km_years"] >= LEAST_KM_YEARS]
    if not shown:
        return Drawn(NO_MAINS)
    alt = _altair()
    base = alt.Chart(_data(shown)).encode(
        x=alt.X("decade:N", title="installed in"), color=_colors("material:N", "material")
    )
    shift = {"xOffset": "material:N"}
    bars = base.mark_rule(strokeWidth=1.5).encode(
        y=alt.Y("lower_95:Q", title="breaks per 100 km and year"), y2="upper_95:Q", **shift
    )
    points = base.mark_point(filled=True, size=45, opacity=1).encode(y="rate:Q", **shift)
    worst = max(shown, key=lambda row: row["lower_95"])
    return Drawn(
        f"The highest rate that is sure: {worst['material']} of the "
        f"{worst['decade']}, {_per_100_km(worst)}. Bars are 95 % intervals; less than "
        f"{LEAST_KM_YEARS} km-years are in the table only.",
        bars + points,
        rows,
    )


def _soils(warehouse: Warehouse) -> Drawn:
    sql = RATES.format(by="replace(soil_corrosivity_code, '_', ' ')", name="soil", group="1")
    rows = _rates(_rows(warehouse, sql))
    shown = [row for row in rows if row["km_years"] >= LEAST_KM_YEARS]
    if not shown:
        return Drawn(NO_MAINS)
    if {row["soil"] for row in shown} == {"unknown"}:
        return Drawn("No soil is known: load a soil survey (la-pipes load soils) to see it.")
    order = ["low", "moderate", "high", "very high", "unknown"]
    alt = _altair()
    base = alt.Chart(_data(shown)).encode(
        x=alt.X("soil:N", sort=order, title="corrosivity of the soil to steel")
    )
    bars = base.mark_rule(color=COLORS[1], strokeWidth=1.5).encode(
        y=alt.Y("lower_95:Q", title="breaks per 100 km and year"), y2="upper_95:Q"
    )
    points = base.mark_point(filled=True, size=70, color=COLORS[1], opacity=1).encode(y="rate:Q")
    return Drawn(
        "Breaks per 100 km of main and year, with 95 % intervals. Materials and ages differ "
        "between soils, so that a difference here need not be the soil's.",
        bars + points,
        rows,
    )


def _climate(warehouse: Warehouse) -> Drawn:
    rows = [
        row
        for row in _rows(warehouse, MONTHS)
        if row["break_count"] is not None and row["temperature_min_c"] is not None
    ]
    if not rows:
        return Drawn("No weather is loaded: load a station's record (la-pipes load climate).")
    alt = _altair()
    chart = (
        alt.Chart(_data(rows))
        .mark_point(filled=True, size=30, color=COLORS[1], opacity=0.7)
        .encode(
            x=alt.X(
                "temperature_min_c:Q",
                title="mean of the month's daily minima, °C",
                scale=alt.Scale(zero=False),
            ),
            y=alt.Y("break_count:Q", title="breaks in the month"),
        )
    )
    return Drawn(
        f"{len(rows):,} months. The correlation is {_correlation(rows):+.2f}; a correlation of "
        "months says nothing about a single main.",
        chart,
        rows,
    )


def _captures(warehouse: Warehouse) -> Drawn:
    found = read_captures(warehouse)
    if found is None:
        return Drawn(_why_no_scores(warehouse, "The record is too short to judge a year."))
    rows = [
        {
            "ranking": RULE_LABELS.get(name, f"{found.label} (the model)"),
            "length_share": share,
            "break_share": item.value,
            "lower_95": item.lower,
            "upper_95": item.upper,
        }
        for name, estimates in found.by_ranking.items()
        for share, item in zip(SHARES, estimates, strict=True)
        if item.value is not None
    ]
    alt = _altair()
    base = alt.Chart(_data(rows)).encode(
        x=alt.X("length_share:O", title="riskiest share of length", axis=alt.Axis(format=".1%")),
        color=_colors("ranking:N", "ranked by"),
    )
    shift = {"xOffset": "ranking:N"}
    bars = base.mark_rule(strokeWidth=1.5).encode(
        y=alt.Y("lower_95:Q", title="share of the year's breaks on it", axis=_percent_axis()),
        y2="upper_95:Q",
        **shift,
    )
    points = base.mark_point(filled=True, size=60, opacity=1).encode(y="break_share:Q", **shift)
    basis = (
        f"{found.breaks:,} breaks of {years(found.origins)}, each year ranked from what was known "
        "before."
        if found.is_backtest
        else f"{found.breaks:,} breaks of one year, {years(found.origins)}, which training held "
        "out; la-pipes backtest --grain pipe judges many."
    )
    return Drawn(f"{basis} Bars are 95 % intervals.", bars + points, rows)


CALIBRATION = """
    select tenth, pipe_count, expected_breaks, observed_breaks, observed_lower_95,
        observed_upper_95
    from powerbi.calibration
    where period_on = (select max(period_on) from powerbi.calibration)
    order by tenth
"""


def _calibration(warehouse: Warehouse) -> Drawn:
    rows = _rows(warehouse, CALIBRATION)
    if not rows:
        return Drawn(_why_no_scores(warehouse, "No scored year has ended yet."))
    alt = _altair()
    base = alt.Chart(_data(rows)).encode(
        x=alt.X("tenth:O", title="tenth of the mains, from the lowest to the highest expectation")
    )
    bars = base.mark_rule(color=COLORS[1], strokeWidth=1.5).encode(
        y=alt.Y("observed_lower_95:Q", title="breaks in the year"), y2="observed_upper_95:Q"
    )
    observed = base.mark_point(filled=True, size=60, color=COLORS[1], opacity=1).encode(
        y="observed_breaks:Q"
    )
    expected = base.mark_tick(color=COLORS[0], thickness=3, width=24).encode(y="expected_breaks:Q")
    total = sum(row["observed_breaks"] for row in rows)
    predicted = sum(row["expected_breaks"] for row in rows)
    return Drawn(
        f"{total:,} breaks came, {predicted:,.0f} were expected. Points: breaks with 95 % "
        "intervals; ticks: expected.",
        bars + observed + expected,
        rows,
    )


PLANS = """
    select rule_name as rule, rule_sort, budget_usd, length_share, breaks_avoided_10y
    from powerbi.plan_scenarios
    order by rule_sort, budget_usd
"""


def _plans(warehouse: Warehouse) -> Drawn:
    rows = _rows(warehouse, PLANS)
    if not rows:
        return Drawn(_why_no_scores(warehouse, "There is no plan yet."))
    alt = _altair()
    chart = (
        alt.Chart(_data(rows))
        .mark_line(point=True)
        .encode(
            x=alt.X(
                "budget_usd:Q", title="budget, US dollars", scale=alt.Scale(type="log"),
                axis=alt.Axis(format="~s"),
            ),
            y=alt.Y("breaks_avoided_10y:Q", title="breaks avoided in ten years"),
            color=_colors("rule:N", "projects chosen by"),
        )
    )  # fmt: skip
    return Drawn(
        "What a budget avoids, by the rule that chooses the street projects. The figures are the "
        "model's own expectations.",
        chart,
        rows,
    )


QUALITY = """
    select checked_by_name as checked_by, severity_name as severity, status_name as result,
        count(*) as checks
    from powerbi.data_quality
    group by 1, 2, 3
    order by 1, 2, 3
"""


def _quality(warehouse: Warehouse) -> Drawn:
    rows = _rows(warehouse, QUALITY)
    if not rows:
        return Drawn("No check has run yet: dbt build and la-pipes check do.")
    alt = _altair()
    chart = (
        alt.Chart(_data(rows))
        .mark_bar()
        .encode(
            y=alt.Y("severity:N", title="kind of check"),
            x=alt.X("checks:Q", title="checks"),
            color=_colors("result:N", "result"),
            row=alt.Row("checked_by:N", title=None),
        )
    )
    total = sum(row["checks"] for row in rows)
    passed = sum(row["checks"] for row in rows if row["result"] == "Passed")
    return Drawn(
        f"{passed:,} of {total:,} checks passed when they last ran.",
        chart.properties(height=90),
        rows,
    )


CHARTS = (
    Chart("months", "Breaks by month, and what was expected", _monthly),
    Chart("ages", "Age of mains at their breaks, by material", _ages),
    Chart("decades", "Break rates by material and decade", _decades),
    Chart("soils", "Break rates by soil", _soils),
    Chart("climate", "Breaks and cold months", _climate),
    Chart("captures", "What renewing the riskiest would have caught", _captures),
    Chart("calibration", "Expected and observed breaks", _calibration),
    Chart("plans", "What a budget buys", _plans),
    Chart("quality", "Data quality", _quality),
)


def _rows(warehouse: Warehouse, sql: str) -> Rows:
    return warehouse.query(sql).to_pylist()


def _rates(rows: Rows) -> Rows:
    """Add the rate per 100 km and year with its interval."""
    rated = []
    for row in rows:
        hundreds = float(row["km_years"] or 0) / 100
        if hundreds <= 0:
            continue
        breaks = int(row["breaks"] or 0)
        lower, upper = poisson_interval(breaks)
        rated.append(
            row
            | {
                "breaks": breaks,
                "km_years": round(100 * hundreds, 1),
                "rate": breaks / hundreds,
                "lower_95": lower / hundreds,
                "upper_95": upper / hundreds,
            }
        )
    return rated


def _why_no_scores(warehouse: Warehouse, otherwise: str) -> str:
    has_mains = warehouse.scalar("select count(*) from core.dim_pipes where is_modelled")
    return otherwise if has_mains else NO_MAINS


def _correlation(rows: Rows) -> float:
    import numpy as np

    pairs = np.array([(row["temperature_min_c"], row["break_count"]) for row in rows], float)
    return float(np.corrcoef(pairs.T)[0, 1]) if len(rows) > 1 else float("nan")


def _per_100_km(row: dict[str, Any]) -> str:
    return (
        f"{row['rate']:.1f} breaks per 100 km and year ({row['lower_95']:.1f} to "
        f"{row['upper_95']:.1f})"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _altair() -> Any:  # noqa: ANN401 - its own types are generated and of no use here
    try:
        import altair
        import vl_convert  # noqa: F401 - writes the pictures and the runtime
    except ImportError:
        raise UserError(
            'The report page needs altair: pip install "la_pipeline_failure_predict[report]".'
        ) from None
    return altair


def _percent_axis() -> Any:  # noqa: ANN401
    return _altair().Axis(format=".0%")


def _colors(field_name: str, title: str) -> Any:  # noqa: ANN401
    alt = _altair()
    legend = alt.Legend(orient="top", columns=3, labelLimit=260)
    return alt.Color(field_name, title=title, scale=alt.Scale(range=PALETTE), legend=legend)


def _data(rows: Sequence[dict[str, Any]]) -> Any:  # noqa: ANN401
    """Return rows as a chart takes them: dates as texts, decimals as numbers."""
    return _altair().Data(
        values=[{key: plain(value) for key, value in row.items()} for row in rows]
    )


def plain(value: object) -> object:
    """Return a value that JSON holds."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else float(str(value))


# Okabe and Ito 2008: told apart by people who see colors differently, and in print.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#767676", "#000000"]
CONFIG = {
    "background": "white",
    "font": "system-ui, sans-serif",
    "axis": {
        "labelColor": MUTED_INK,
        "titleColor": INK,
        "gridColor": LINE,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelOverlap": True,
    },
    "axisXDiscrete": {"labelAngle": 0},
    "title": {"anchor": "start", "fontSize": 15, "color": INK},
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
    "view": {"stroke": None},
}
