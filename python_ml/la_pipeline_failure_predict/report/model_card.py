"""The card of a model run: what it learned from, how it was judged, what it must not be used for.

Every figure comes from the warehouse (Mitchell et al. 2019, "Model Cards for Model Reporting").
"""

import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from math import exp
from pathlib import Path

from la_pipeline_failure_predict.files import write_whole
from la_pipeline_failure_predict.model import registry
from la_pipeline_failure_predict.model.backtest import HELD_BACK, ROLLING
from la_pipeline_failure_predict.model.design import EB_PREFIX
from la_pipeline_failure_predict.model.grains import Grain
from la_pipeline_failure_predict.model.metrics import Estimate
from la_pipeline_failure_predict.model.stored import StoredCard, delete_run, read_stored
from la_pipeline_failure_predict.report.words import RULE_LABELS, metric_title, metric_value
from la_pipeline_failure_predict.warehouse.base import Warehouse, full_name

STRONGEST_TERMS = 12


@dataclass(frozen=True)
class _Figures:
    """Figures of one split: where they are from, and each by model, segment and name."""

    breaks: int
    by_key: Mapping[tuple[str, str, str], Mapping[str, float | None]]

    def cell(self, model: str, segment: str, metric: str) -> str:
        found = self.by_key.get((model, segment, metric))
        if found is None:
            return "-"
        estimate = Estimate(found["value"], found["lower_95"], found["upper_95"])
        return metric_value(metric, estimate)


def model_card(warehouse: Warehouse, grain: Grain, run_id: str | None = None) -> tuple[str, str]:
    """Return the name of a run and its card, in Markdown.

    Parameters
    ----------
    run_id
        The run; None takes the published one, else the newest.

    Raises
    ------
    UserError
        If there is no such run.
    """
    fits = registry.list_fits(warehouse, grain, run_id or _published(warehouse, grain))
    name = registry.newest(fits).run_id
    runs = warehouse.query(
        f"select * from {warehouse.full_name('model_runs')} where run_id = $1 "
        "order by trained_until",
        (name,),
    ).to_pylist()
    return name, "\n".join(_lines(warehouse, grain, runs)) + "\n"


def write_model_card(warehouse: Warehouse, grain: Grain, run_id: str, folder: Path) -> Path:
    """Write the card of a run to a file of its name in the folder; the same run replaces it.

    Raises
    ------
    UserError
        If there is no such run, or the file cannot be written; a card that was there stays.
    """
    name, text = model_card(warehouse, grain, run_id)
    file = folder / f"{name}.md"
    write_whole(file, text)
    return file


def _published(warehouse: Warehouse, grain: Grain) -> str | None:
    if not warehouse.has_table("intermediate", "int_scores__published_runs"):
        return None
    sql = "select run_id from intermediate.int_scores__published_runs where grain = $1"
    found = warehouse.scalar(sql, (grain.name,))
    return None if found is None else str(found)


def _lines(warehouse: Warehouse, grain: Grain, runs: list[dict]) -> Iterable[str]:
    final = runs[-1]
    cards = [read_stored(StoredCard, [run], delete_run(run["run_id"]))[0] for run in runs]
    parameters, versions = cards[-1].parameters, cards[-1].versions
    kinds = grain.candidates
    label = (
        kinds[final["model_name"]].label if final["model_name"] in kinds else final["model_name"]
    )
    yield f"# Model card: {final['run_id']}"
    yield ""
    yield (
        f"**{label}** of breaks {grain.what}, trained {final['trained_at']:%Y-%m-%d}. "
        f"Chosen: {_plain(parameters.get('chosen', 'not recorded'))}."
    )
    yield ""
    yield "## Data"
    yield ""
    yield "| fit | labels | rows | breaks | exposure |"
    yield "|---|---|---|---|---|"
    for position, run in enumerate(runs):
        use = "scores" if position == len(runs) - 1 else "was judged"
        yield (
            f"| {use} | {run['train_from']} to {run['trained_until']} | {run['row_count']:,} "
            f"| {run['break_count']:,} | {run['exposure']:,.0f} {grain.exposure_name} |"
        )
    yield ""
    digest = str(parameters.get("data"))[:16]
    yield f"Digest of the rows: `{digest}`; seed {parameters.get('seed')}."
    yield from _deliveries(warehouse)
    yield ""
    yield "## Protocol"
    yield ""
    yield (
        "Features read only what happened before the day of prediction; the columns that may enter "
        "are declared with the feature marts. The judged fit saw no label that ended in the test. "
        "Intervals are 95 %: bootstrap of the mains that broke (months, for areas), Poisson for "
        "observed/expected."
    )
    yield ""
    yield from _judged(warehouse, grain, final)
    yield from _backtested(warehouse, grain, final["model_name"])
    yield from _terms(warehouse, final["run_id"], final["trained_until"])
    yield "## Not to be used for"
    yield ""
    yield from (f"- {limit}" for limit in grain.limits)
    yield ""
    yield "## How it was made"
    yield ""
    yield ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) + "."
    yield ""
    settings = {key: value for key, value in parameters.items() if key not in ("chosen", "data")}
    yield f"```json\n{json.dumps(settings, indent=1, sort_keys=True)}\n```"


def _deliveries(warehouse: Warehouse) -> Iterable[str]:
    if not warehouse.has_table("raw", "loads"):
        return
    sql = (
        "select source_name, source_file, rows_loaded, loaded_at from raw.loads "
        "where rows_loaded > 0 order by loaded_at, source_name, source_file"
    )
    for row in warehouse.query(sql).to_pylist():
        yield (
            f"- {row['source_name']}: {row['rows_loaded']:,} rows of {_plain(row['source_file'])}, "
            f"loaded {row['loaded_at']:%Y-%m-%d}"
        )


def _judged(warehouse: Warehouse, grain: Grain, final: Mapping[str, object]) -> Iterable[str]:
    run_id, model = str(final["run_id"]), str(final["model_name"])
    figures = _read(warehouse, run_id, registry.LAST_YEAR_OUT)
    if figures is None:
        yield from ("## Last year held out", "", "None: the record is too short.", "")
        return
    yield f"## Last year held out ({figures.breaks:,} breaks)"
    yield ""
    yield from _table(figures, grain, model)


def _backtested(warehouse: Warehouse, grain: Grain, model: str) -> Iterable[str]:
    newest = _newest_backtest(warehouse, grain)
    figures = newest and _read(warehouse, newest["backtest_id"], f"{ROLLING}_pooled")
    if not newest or not figures or (model, "all", grain.headlines[0].metric) not in figures.by_key:
        yield from (
            "## Backtest",
            "",
            "None of this model in this warehouse: run `la-pipes backtest`.",
            "",
        )
        return
    # The figures are those of the origins that were not held back.
    yield f"## Backtest (origins from {newest['first_origin']}, {figures.breaks:,} breaks)"
    yield ""
    yield (
        f"`{newest['backtest_id']}`; champion {_plain(newest['champion'])}: "
        f"{_plain(newest['champion_reason'])}."
    )
    yield ""
    yield from _table(figures, grain, model)
    held_back = _read(warehouse, newest["backtest_id"], f"{HELD_BACK}_pooled")
    if held_back is not None:
        yield (
            f"Held-back origins from {newest['held_back_from']} ({held_back.breaks:,} "
            f"breaks); looks at them so far: {newest['held_back_uses']}."
        )
        yield ""
        yield from _table(held_back, grain, model)


def _newest_backtest(warehouse: Warehouse, grain: Grain) -> dict | None:
    table = warehouse.table("backtests")
    if not warehouse.has_table(table.schema, table.name):
        return None
    sql = f"select * from {full_name(table)} where grain = $1 order by ran_at desc limit 1"
    rows = warehouse.query(sql, (grain.name,)).to_pylist()
    return rows[0] if rows else None


def _table(figures: _Figures, grain: Grain, model: str) -> Iterable[str]:
    rule = grain.rule
    segments = grain.segments
    heads = [f"this model, {_segment(segment)}" for segment in segments]
    yield f"| | {' | '.join(heads)} | {RULE_LABELS[rule].lower()}, all |"
    yield f"|---|{'---|' * (len(segments) + 1)}"
    for headline in grain.headlines:
        cells = [figures.cell(model, segment, headline.metric) for segment in segments]
        beside = figures.cell(rule, "all", headline.metric)
        yield f"| {metric_title(headline.metric)} | {' | '.join(cells)} | {beside} |"
    yield ""


def _segment(name: str) -> str:
    return "without a recorded break" if name == "no_history" else "all"


def _terms(warehouse: Warehouse, run_id: str, trained_until: date) -> Iterable[str]:
    sql = (
        f"select term, transform, coefficient from {warehouse.full_name('model_coefficients')} "
        "where run_id = $1 and trained_until = $2"
    )
    rows = warehouse.query(sql, (run_id, trained_until)).to_pylist()
    if not rows:
        return
    added = [
        row
        for row in rows
        if row["transform"] != "intercept" and not row["transform"].startswith(EB_PREFIX)
    ]
    added.sort(key=lambda row: (-abs(row["coefficient"]), row["term"]))
    yield "## What raises and lowers the rate"
    yield ""
    yield (
        "The strongest terms: factor on the rate of a level against the reference, or of one "
        "standard deviation of a number."
    )
    yield ""
    yield "| term | factor |"
    yield "|---|---|"
    for row in added[:STRONGEST_TERMS]:
        yield f"| {_plain(row['term'])} | {_factor(row['coefficient'])} |"
    record = {
        row["term"]: row["coefficient"] for row in rows if row["transform"].startswith(EB_PREFIX)
    }
    if record:
        yield ""
        yield "The main's own record then counts as " + ", ".join(
            f"{_plain(name)} {value:.3g}" for name, value in sorted(record.items())
        )
        yield "(`docs/07_models` has the formula)."
    yield ""


def _plain(text: object) -> str:
    """Return delivered text for Markdown, in which nothing of it is markup."""
    one_line = " ".join(html.escape(str(text), quote=False).split())
    return re.sub(r"([\\`|\[\]])", r"\\\1", one_line)


def _factor(coefficient: float) -> str:
    return f"{exp(coefficient):.2f}"


def _read(warehouse: Warehouse, run_id: str, split: str) -> _Figures | None:
    sql = (
        "select model_name, segment, metric, value, lower_95, upper_95, break_count "
        f"from {warehouse.full_name('model_metrics')} where run_id = $1 and split_name = $2"
    )
    rows = warehouse.query(sql, (run_id, split)).to_pylist()
    if not rows:
        return None
    breaks = next(row["break_count"] for row in rows if row["segment"] == "all")
    keyed = {(row["model_name"], row["segment"], row["metric"]): row for row in rows}
    return _Figures(breaks, keyed)
