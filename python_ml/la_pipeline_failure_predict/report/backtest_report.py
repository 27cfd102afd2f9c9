"""A backtest in words and charts: Markdown that can be read without anything else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from la_pipeline_failure_predict.files import write_whole
from la_pipeline_failure_predict.model.backtest import (
    FROZEN,
    HELD_BACK,
    ROLLING,
    SPATIAL,
    BacktestResult,
)
from la_pipeline_failure_predict.model.baselines import AREA_RULES
from la_pipeline_failure_predict.model.evaluate import Metric, oracle_share_name
from la_pipeline_failure_predict.model.metrics import SHARE_NAMES, Estimate
from la_pipeline_failure_predict.model.oracle import ORACLE
from la_pipeline_failure_predict.report.backtest_charts import draw_charts
from la_pipeline_failure_predict.report.words import (
    PERCENTS,
    RULE_LABELS,
    metric_title,
    percent,
    segment_title,
)

PERCENT = tuple(PERCENTS.values())

Figures = dict[tuple[str, str, str], Metric]


@dataclass(frozen=True)
class BacktestSummary:
    """A backtest in a heading, a table and a few sentences."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def describe_backtest(result: BacktestResult) -> BacktestSummary:
    """Say which model won and by how much."""
    figures = _figures(result.split(f"{ROLLING}_pooled"))
    origins = result.folds.development
    heading = (
        f"backtest {result.grain}: {len(origins)} origins from {origins[0].origin} to "
        f"{origins[-1].origin}, {_breaks(figures)} breaks, {result.seconds:.1f} s"
    )
    notes = [f"Champion: {result.champion.name}, {result.champion.reason}."]
    if result.held_back_uses > 1:
        notes.append(
            f"The held-back origins have now been looked at {result.held_back_uses} times: they "
            "are no longer a fresh test."
        )
    if result.grain.is_ranked:
        heading += "; breaks held by the riskiest share of length"
        columns, rows = PERCENT, _captured(result, figures)
    else:
        columns = (metric_title("poisson_deviance"),)
        rows = {name: [_text(figures, name, "all", "poisson_deviance")] for name in _models(result)}
    if result.has_truth:
        columns += tuple(f"of true, {share}" for share in PERCENT)
        for name, cells in rows.items():
            cells += [
                percent(_estimate_of(figures, name, oracle_share_name(s))) for s in SHARE_NAMES
            ]
        notes.insert(
            0, "of true: of what ranking by the true hazard of this synthetic network holds."
        )
    return BacktestSummary(
        heading,
        ("", *columns),
        tuple((_label(result, name), *cells) for name, cells in rows.items()),
        tuple(notes),
    )


def _captured(result: BacktestResult, figures: Figures) -> dict[str, list[str]]:
    return {
        name: [
            percent(_estimate_of(figures, name, f"capture_at_{share}_length"))
            for share in SHARE_NAMES
        ]
        for name in _models(result)
    }


def _estimate_of(figures: Figures, name: str, metric: str) -> Estimate:
    found = figures.get((name, "all", metric))
    return found.estimate if found else Estimate(None)


def write_backtest_report(result: BacktestResult, folder: Path) -> Path:
    """Write the report and its charts; charts are left out where matplotlib is not installed."""
    charts = []
    if result.grain.is_ranked:
        labels = {name: _label(result, name) for name in _models(result)}
        charts = draw_charts(result, folder, labels)
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
        segment = segment_title(item.segment)
        yield f"| {segment} | {item.rows:,} | {item.breaks} | {_estimate(item.estimate)} |"
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
