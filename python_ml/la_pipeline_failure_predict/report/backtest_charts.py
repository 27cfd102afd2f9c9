"""The charts of a backtest: what each ranking caught, and whether expectations came true."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.backtest import ROLLING, BacktestResult
from la_pipeline_failure_predict.model.champion import Band
from la_pipeline_failure_predict.model.evaluate import CURVE, Metric, capture_curve
from la_pipeline_failure_predict.model.metrics import SHARE_NAMES, SHARES
from la_pipeline_failure_predict.powerbi.theme import LINE, MUTED_INK
from la_pipeline_failure_predict.report.drawing import COLORS, drawing, save, say_below_title
from la_pipeline_failure_predict.report.words import years

if TYPE_CHECKING:
    from matplotlib.axes import Axes

log = logging.getLogger(__name__)

SEGMENTS = {"all": "All mains", "no_history": "Mains without a recorded break"}
RATIO_TICKS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


def draw_charts(result: BacktestResult, folder: Path, labels: Mapping[str, str]) -> list[Path]:
    """Write the charts of a backtest of mains; none where matplotlib is not installed.

    Parameters
    ----------
    labels
        What people read for the name of a model or rule.
    """
    try:
        return [
            _draw_captures(result, folder / "capture_curve.png", labels),
            _draw_calibration(result, folder / "calibration.png"),
        ]
    except UserError as error:
        log.warning("no charts: %s", error)
        return []


def _draw_captures(result: BacktestResult, file: Path, labels: Mapping[str, str]) -> Path:
    champion = result.champion.name
    others = [model.name for model in result.models if model.name != champion]
    names = dict.fromkeys((champion, *others, result.rule, "age"))
    figures = _pooled(result)
    with drawing(2, 11, 5, sharey=True) as (figure, panels):
        for panel, (segment, title) in zip(panels, SEGMENTS.items(), strict=True):
            for name, color in zip(names, COLORS, strict=False):
                _draw_curve(panel, result, segment, name, color, labels.get(name, name), figures)
            random = [100 * share for share in CURVE if share > 0]
            panel.plot([0.5, *random], [0.5, *random], ":", color=MUTED_INK)
            _label_captures(panel)
            breaks = next((item.breaks for item in figures if item.segment == segment), 0)
            say_below_title(panel, title, f"{_years(result)}, {breaks:,} breaks; bars: 95 %")
        panels[0].set_ylabel("breaks on them in the year, %")
        panels[0].legend(loc="upper left")
        panels[0].annotate("random", (20, 20), (3, -4), textcoords="offset points", va="top")
        return save(figure, file)


def _draw_curve(
    panel: "Axes",
    result: BacktestResult,
    segment: str,
    name: str,
    color: str,
    label: str,
    figures: Iterable[Metric],
) -> None:
    """Draw the capture at every share; intervals of the champion and of the strongest rule."""
    seen = result.pooled.get(segment, ())
    if not seen:
        return
    by_name = {
        item.metric: item.estimate
        for item in figures
        if (item.segment, item.model_name) == (segment, name)
    }
    points = {
        100 * share: 100 * value
        for share, value in zip(CURVE, capture_curve(seen, name), strict=True)
        if share > 0
    }
    known = {
        100 * share: by_name[f"capture_at_{share_name}_length"]
        for share, share_name in zip(SHARES, SHARE_NAMES, strict=True)
    }
    points |= {share: 100 * item.value for share, item in known.items() if item.value is not None}
    panel.plot(*zip(*sorted(points.items()), strict=True), color=color, label=label)
    if name not in (result.champion.name, result.rule):
        return
    # Beside each other, so that one does not hide the other.
    shift = 0.97 if name == result.rule else 1.03
    for share, item in known.items():
        if item.lower is not None and item.upper is not None:
            ends = [100 * item.lower, 100 * item.upper]
            panel.plot([share * shift] * 2, ends, color=color, lw=1.2)


def _label_captures(panel: "Axes") -> None:
    ticks = [*(100 * share for share in SHARES), 50]
    panel.set(xscale="log", xlim=(0.45, 52), ylim=(0, 100))
    panel.set_xticks(ticks, [f"{tick:g} %" for tick in ticks])
    panel.set_xticks([], minor=True)
    panel.set_xlabel("mains renewed first, share of the length")
    panel.yaxis.grid(visible=True)


def _draw_calibration(result: BacktestResult, file: Path) -> Path:
    figures = _pooled(result)
    models = sorted(result.models, key=lambda model: model.name != result.champion.name)
    with drawing(1, 7.5, 4.6) as (figure, (panel,)):
        draw_ratios(panel, figures, {model.name: model.label for model in models})
        gray = _draw_band(panel, result.config.ratio_band)
        panel.set_yscale("log")
        low, high = panel.get_ylim()
        ticks = [tick for tick in RATIO_TICKS if low <= tick <= high]
        panel.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        panel.set_yticks([], minor=True)
        panel.set_xticks(range(1, 11))
        panel.set(
            xlabel="tenth of the expected breaks: 1 the least risky meters, 10 the riskiest",
            ylabel="breaks observed / expected",
        )
        panel.legend(loc="lower left", ncols=len(models))
        say_below_title(
            panel,
            "Did as many breaks come as expected?",
            f"{_years(result)}, {figures[0].breaks:,} breaks; bars: 95 % of chance{gray}",
        )
        return save(figure, file)


def _draw_band(panel: "Axes", band: Band) -> str:
    """Draw the bounds that a candidate is held to and say what they are, unless one is open."""
    least, most = band
    if least is None or most is None:
        return ""
    panel.axhspan(least, most, color=LINE, alpha=0.6, lw=0, zorder=0)
    return f"; gray: {least:g} to {most:g}"


def draw_ratios(panel: "Axes", figures: Sequence[Metric], labels: Mapping[str, str]) -> None:
    """Draw observed over expected by tenths, the models side by side within a tenth."""
    panel.axhline(1, color=MUTED_INK, lw=1)
    for number, (name, color) in enumerate(zip(labels, COLORS, strict=False)):
        shift = 0.2 * (number - (len(labels) - 1) / 2)
        _draw_ratios(panel, figures, name, shift, color, labels[name])


def _draw_ratios(
    panel: "Axes", figures: Sequence[Metric], name: str, shift: float, color: str, label: str
) -> None:
    known = [
        (int(item.segment.partition("=")[2]) + shift, value, lower or 0.0, upper or value)
        for item in figures
        if item.model_name == name
        and item.segment.startswith("risk_tenth=")
        and item.metric == "observed_over_expected"
        for value, lower, upper in [astuple(item.estimate)]
        if value
    ]
    if not known:
        return
    panel.errorbar(
        [place for place, *_ in known],
        [value for _, value, _, _ in known],
        yerr=[
            [value - lower for _, value, lower, _ in known],
            [upper - value for _, value, _, upper in known],
        ],
        fmt="o",
        color=color,
        markersize=5,
        capsize=2,
        elinewidth=1.1,
        label=label,
    )


def _pooled(result: BacktestResult) -> list[Metric]:
    return result.split(f"{ROLLING}_pooled")


def _years(result: BacktestResult) -> str:
    return years([fold.origin for fold in result.folds.development])
