"""A backtest in words and charts: Markdown that can be read without anything else."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from la_pipeline_failure_predict.files import atomic_write, write_whole
from la_pipeline_failure_predict.model.backtest import (
    FROZEN,
    HELD_BACK,
    ROLLING,
    SPATIAL,
    BacktestResult,
)
from la_pipeline_failure_predict.model.baselines import AREA_RULES
from la_pipeline_failure_predict.model.evaluate import (
    CURVE,
    Metric,
    capture_curve,
    oracle_share_name,
)
from la_pipeline_failure_predict.model.metrics import SHARE_NAMES, SHARES, Estimate
from la_pipeline_failure_predict.model.oracle import ORACLE

log = logging.getLogger(__name__)

RULE_LABELS = {
    "past_breaks_per_km": "Past breaks per km",
    "age": "Age",
    "length": "Length",
    "random": "Random",
    "same_month_mean": "Same-month mean",
    "last_12_months_rate": "Last 12 months' rate",
}
PERCENT = tuple(f"{100 * share:g} %" for share in SHARES)
COLORS = ("#a50026", "#335577", "#ee7733", "#44aa77", "#886699")

Figures = dict[tuple[str, str, str], Metric]


def describe_backtest(result: BacktestResult) -> str:
    """Say in a few lines which model won and by how much."""
    figures = _figures(result.split(f"{ROLLING}_pooled"))
    origins = result.folds.development
    lines = [
        f"backtest {result.grain}: {len(origins)} origins from {origins[0].origin} to "
        f"{origins[-1].origin}, {_breaks(figures)} breaks, {result.seconds:.1f} s"
    ]
    for name in _models(result):
        if result.grain.is_ranked:
            at = [
                _text(figures, name, "all", f"capture_at_{share}_length") for share in SHARE_NAMES
            ]
            text = ", ".join(
                f"{value} in {share}" for share, value in zip(PERCENT, at, strict=True)
            )
        else:
            text = f"mean deviance {_text(figures, name, 'all', 'poisson_deviance')}"
        lines.append(f"  {name:<20} {text}")
    if result.has_truth:
        lines.append("  of what ranking by the true hazard of this synthetic network catches:")
        for name in _models(result):
            at = [_text(figures, name, "all", oracle_share_name(share)) for share in SHARE_NAMES]
            text = ", ".join(
                f"{value} in {share}" for share, value in zip(PERCENT, at, strict=True)
            )
            lines.append(f"  {name:<20} {text}")
    lines.append(f"  champion: {result.champion.name}, {result.champion.reason}")
    if result.held_back_uses > 1:
        lines.append(
            f"  the held-back origins have now been looked at {result.held_back_uses} times: they "
            "are no longer a fresh test"
        )
    return "\n".join(lines)


def write_backtest_report(result: BacktestResult, folder: Path) -> Path:
    """Write the report and its charts; charts are left out where matplotlib is not installed."""
    charts = _draw(result, folder) if result.grain.is_ranked else []
    file = folder / f"{result.grain}.md"
    write_whole(file, "\n".join(_lines(result, charts)) + "\n")
    return file


def _lines(result: BacktestResult, charts: Sequence[Path]) -> Iterable[str]:
    origins = result.folds.development
    unit = result.grain.rows
    yield f"# Backtest of the break model, {unit}"
    yield ""
    yield (
        f"`{result.backtest_id}`: {len(origins)} origins from {origins[0].origin} to "
        f"{origins[-1].origin}. At each, every model was fitted to the labels that had ended "
        f"{result.config.gap_months} months before, and predicted the next "
        f"{result.config.test_months} months. {_held_back_sentence(result)}"
    )
    yield ""
    yield f"**Champion: {result.champion.name}**: {result.champion.reason}."
    yield ""
    splits = [(f"{ROLLING}_pooled", "All origins together")]
    if result.held_back_uses:
        splits.append((f"{HELD_BACK}_pooled", "Held-back origins"))
    splits.append((SPATIAL, "Spatial blocks held out"))
    for split, title in splits:
        listed = result.split(split)
        if split == SPATIAL and result.grain.is_ranked:
            yield from (f"## {title}", "", result.spatial_note[0].upper() + result.spatial_note[1:])
            yield ""
        elif listed:
            yield from (f"## {title}", "")
        if listed:
            yield from _tables(result, _figures(listed))
    if result.grain.is_ranked:
        yield from _reliability(result)
    yield from _by_origin(result)
    for chart in charts:
        yield f"![{chart.stem.replace('_', ' ')}]({chart.name})"
        yield ""


def _held_back_sentence(result: BacktestResult) -> str:
    days = ", ".join(f"{fold.origin}" for fold in result.folds.held_back)
    if not days:
        return "No origin is held back."
    if not result.held_back_uses:
        return f"Held back and not looked at: {days}."
    if result.held_back_uses == 1:
        return f"The held-back origins {days} were looked at, for the first time."
    return (
        f"The held-back origins {days} have been looked at {result.held_back_uses} times: they are "
        "no longer a fresh test."
    )


def _tables(result: BacktestResult, figures: Figures) -> Iterable[str]:
    if not result.grain.is_ranked:
        yield from _deviances(result, figures)
        return
    for segment, title in (
        ("all", "Share of breaks caught in the riskiest share of length"),
        ("no_history", "The same, mains without a recorded break"),
    ):
        if not any(key[1] == segment for key in figures):
            continue
        yield f"{title} ({_breaks(figures, segment)} breaks)"
        yield ""
        yield f"| | {' | '.join(PERCENT)} | AUC | PR-AUC |"
        yield f"|---|{'---|' * (len(PERCENT) + 2)}"
        for name in _models(result):
            cells = [
                _cell(figures, name, segment, f"capture_at_{item}_length") for item in SHARE_NAMES
            ]
            cells.append(_text(figures, name, segment, "auc"))
            cells.append(_text(figures, name, segment, "pr_auc"))
            yield f"| {_label(result, name)} | {' | '.join(cells)} |"
        yield ""
        yield f"Gain over {_label(result, result.rule).lower()}, paired"
        yield ""
        yield f"| | {' | '.join(PERCENT)} | AUC |"
        yield f"|---|{'---|' * (len(PERCENT) + 1)}"
        for name in _models(result):
            if name == result.rule:
                continue
            gains = [
                _cell(figures, name, segment, f"capture_gain_over_{result.rule}_at_{item}_length")
                for item in SHARE_NAMES
            ]
            gains.append(_cell(figures, name, segment, f"auc_gain_over_{result.rule}"))
            yield f"| {_label(result, name)} | {' | '.join(gains)} |"
        yield ""
        yield from _oracle_shares(result, figures, segment)
    yield "Calibration of all mains"
    yield ""
    yield "| | observed / expected | slope | Brier skill | mean Poisson deviance |"
    yield "|---|---|---|---|---|"
    for name in (model.name for model in (*result.models, *result.baselines)):
        yield (
            f"| {_label(result, name)} | {_cell(figures, name, 'all', 'observed_over_expected')} "
            f"| {_cell(figures, name, 'all', 'calibration_slope')} "
            f"| {_text(figures, name, 'all', 'brier_skill')} "
            f"| {_text(figures, name, 'all', 'poisson_deviance', 4)} |"
        )
    yield ""


def _oracle_shares(result: BacktestResult, figures: Figures, segment: str) -> Iterable[str]:
    """Yield the captures over those of the true hazard; nothing where it was not ranked."""
    if not any(key[:2] == (ORACLE, segment) for key in figures):
        return
    yield (
        "Share of what ranking by the true hazard of this synthetic network catches, paired. It "
        "says how much of what can be known the models find, not how well they do in a city."
    )
    yield ""
    yield f"| | {' | '.join(PERCENT)} |"
    yield f"|---|{'---|' * len(PERCENT)}"
    for name in _models(result):
        cells = [_cell(figures, name, segment, oracle_share_name(item)) for item in SHARE_NAMES]
        yield f"| {_label(result, name)} | {' | '.join(cells)} |"
    captures = [
        _cell(figures, ORACLE, segment, f"capture_at_{item}_length") for item in SHARE_NAMES
    ]
    yield f"| *share of breaks that the true hazard catches* | {' | '.join(captures)} |"
    yield ""


def _deviances(result: BacktestResult, figures: Figures) -> Iterable[str]:
    yield f"{_breaks(figures)} breaks; months are drawn whole in the bootstrap."
    yield ""
    over = " | ".join(f"gain over {RULE_LABELS[rule].lower()}" for rule in AREA_RULES)
    yield f"| | mean Poisson deviance | {over} | O/E |"
    yield "|---|---|---|---|---|"
    for name in _models(result):
        gains = [_cell(figures, name, "all", f"deviance_gain_over_{rule}") for rule in AREA_RULES]
        yield (
            f"| {_label(result, name)} | {_cell(figures, name, 'all', 'poisson_deviance')} "
            f"| {' | '.join(gains)} "
            f"| {_cell(figures, name, 'all', 'observed_over_expected')} |"
        )
    yield ""


def _reliability(result: BacktestResult) -> Iterable[str]:
    listed = result.split(f"{ROLLING}_pooled")
    name = result.champion.name
    rows = [
        item
        for item in listed
        if item.model_name == name
        and "=" in item.segment
        and item.metric == "observed_over_expected"
    ]
    yield f"## Reliability of {_label(result, name)}"
    yield ""
    yield "Tenths hold a tenth of the expected breaks each, the least risky meters first."
    yield ""
    yield "| group | rows | breaks | observed / expected |"
    yield "|---|---|---|---|"
    for item in rows:
        yield f"| {item.segment} | {item.rows:,} | {item.breaks} | {_estimate(item.estimate)} |"
    yield ""


def _by_origin(result: BacktestResult) -> Iterable[str]:
    name = result.champion.name
    yield f"## Origin by origin, {_label(result, name)}"
    yield ""
    if result.grain.is_ranked:
        yield "| origin | breaks | 1 % | 10 % | 20 % | O/E refitted | O/E of the first fit |"
        yield "|---|---|---|---|---|---|---|"
    else:
        yield "| origin | breaks | mean deviance | O/E refitted | O/E of the first fit |"
        yield "|---|---|---|---|---|"
    for split, day, listed in result.splits:
        if not split.endswith("_origin"):
            continue
        figures = _figures(listed)
        cells = ["observed_over_expected", FROZEN]
        if result.grain.is_ranked:
            ahead = [f"capture_at_{item}_length" for item in ("1pct", "10pct", "20pct")]
        else:
            ahead = ["poisson_deviance"]
        texts = [_text(figures, name, "all", metric) for metric in ahead]
        texts += [_cell(figures, name, "all", metric) for metric in cells]
        yield f"| {day} | {_breaks(figures)} | {' | '.join(texts)} |"
    yield ""


def _draw(result: BacktestResult, folder: Path) -> list[Path]:
    try:
        import matplotlib
    except ImportError:
        log.warning("no charts: matplotlib is not installed")
        return []
    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [model.name for model in result.models] + [result.rule, "age"]
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    for panel, (segment, title) in zip(
        axes, (("all", "All mains"), ("no_history", "Mains without a recorded break")), strict=True
    ):
        ranked = result.pooled.get(segment, ())
        for name, color in zip(dict.fromkeys(names), COLORS, strict=False):
            if ranked:
                caught = 100 * capture_curve(ranked, name)
                share = [100 * value for value in CURVE]
                panel.plot(share, caught, color=color, label=_label(result, name))
        panel.plot([0, 50], [0, 50], ":", color="#999999", label="Random")
        panel.set(title=title, xlabel="riskiest meters, % of length", ylabel="% of breaks caught")
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    curve = _save(figure, folder / "capture_curve.png")
    pyplot.close(figure)

    figure, panel = pyplot.subplots(figsize=(4.8, 4.4), layout="constrained")
    figures = _figures(result.split(f"{ROLLING}_pooled"))
    for model, color in zip(result.models, COLORS, strict=False):
        points = [
            (item.estimate.value, item.breaks)
            for (name, segment, metric), item in sorted(figures.items())
            if name == model.name
            and segment.startswith("risk_tenth=")
            and metric == "expected_breaks"
        ]
        if points:
            panel.plot(*zip(*points, strict=True), "o", color=color, label=model.label)
    top = max(panel.get_xlim()[1], panel.get_ylim()[1])
    panel.plot([0, top], [0, top], ":", color="#999999")
    panel.set(title="Breaks by tenths of the expectation", xlabel="expected", ylabel="observed")
    panel.legend(frameon=False)
    panel.spines[["top", "right"]].set_visible(False)
    calibration = _save(figure, folder / "calibration.png")
    pyplot.close(figure)
    return [curve, calibration]


def _save(figure: "matplotlib.figure.Figure", file: Path) -> Path:  # type: ignore[name-defined]  # noqa: F821
    with atomic_write(file, "wb") as target:
        figure.savefig(target, dpi=110, format="png")
    return file


def _models(result: BacktestResult) -> list[str]:
    fitted = [model.name for model in (*result.models, *result.baselines)]
    return [*fitted, *result.grain.judge.rules]


def _label(result: BacktestResult, name: str) -> str:
    labels = {model.name: model.label for model in (*result.models, *result.baselines)}
    return labels.get(name) or RULE_LABELS.get(name, name)


def _figures(listed: Iterable[Metric]) -> Figures:
    return {(item.model_name, item.segment, item.metric): item for item in listed}


def _breaks(figures: Figures, segment: str = "all") -> str:
    found = [item.breaks for key, item in figures.items() if key[1] == segment]
    return f"{found[0]:,}" if found else "no"


def _text(figures: Figures, name: str, segment: str, metric: str, digits: int = 3) -> str:
    found = figures.get((name, segment, metric))
    if found is None or found.estimate.value is None:
        return "-"
    return f"{found.estimate.value:.{digits}f}"


def _cell(figures: Figures, name: str, segment: str, metric: str) -> str:
    found = figures.get((name, segment, metric))
    return "-" if found is None else _estimate(found.estimate)


def _estimate(estimate: Estimate) -> str:
    if estimate.value is None:
        return "-"
    if estimate.lower is None or estimate.upper is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.lower:.3f} to {estimate.upper:.3f})"
