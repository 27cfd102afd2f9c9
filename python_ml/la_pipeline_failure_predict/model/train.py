"""Train a grain's model: choose the splits, fit twice, judge, write."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model import artifacts, registry
from la_pipeline_failure_predict.model.candidates import BreakModel
from la_pipeline_failure_predict.model.candidates.gradient_boosting import GradientBoosting
from la_pipeline_failure_predict.model.champion import Champion, read_champion
from la_pipeline_failure_predict.model.data import (
    Frame,
    Mart,
    Sampling,
    add_months,
    day_number,
    day_of,
    read_frame,
    sql_date,
)
from la_pipeline_failure_predict.model.design import Design
from la_pipeline_failure_predict.model.evaluate import Metric, Test
from la_pipeline_failure_predict.model.features import Features
from la_pipeline_failure_predict.model.grains import Grain
from la_pipeline_failure_predict.model.registry import Fit, Run
from la_pipeline_failure_predict.model.remedies import remedy
from la_pipeline_failure_predict.warehouse.base import Warehouse

ARTIFACTS = Path("artifacts")
RESAMPLES = 500
# Above it, saving memory and time is more important than keeping every zero.
MAX_ROWS = 2_000_000


@dataclass(frozen=True)
class TrainedRun:
    """What training did.

    Attributes
    ----------
    trained_until
        First day after the labels of the final fit.
    test_from
        First period of the test; None when there was no evaluation.
    rows, breaks
        What the final fit was trained on.
    metrics
        Every evaluation figure; empty without an evaluation.
    skipped
        Whether the run existed already, so that nothing was trained or written.
    """

    run_id: str
    grain: Grain
    model_name: str
    trained_until: date
    test_from: date | None
    rows: int
    breaks: int
    seconds: float
    metrics: tuple[Metric, ...]
    skipped: bool

    @property
    def headline(self) -> tuple[Metric, ...]:
        """The few figures of the model on all rows that a command prints."""
        found = {
            item.metric: item
            for item in self.metrics
            if item.model_name == self.model_name and item.segment == "all"
        }
        return tuple(
            found[headline.metric]
            for headline in self.grain.headlines
            if headline.is_printed and headline.metric in found
        )


@dataclass(frozen=True)
class Period:
    """A period of the mart with complete labels."""

    day: date
    rows: int
    rows_with_breaks: int
    breaks: int


@dataclass(frozen=True)
class Split:
    """The last twelve months held out.

    Attributes
    ----------
    test_from
        First period of the test; the last complete one is its end.
    trained_until
        The evaluation fit's labels end by this day, at or before `test_from`.
    """

    test_from: date
    trained_until: date


def train(
    warehouse: Warehouse,
    features: Features,
    *,
    model: str | None = None,
    as_of: date | None = None,
    seed: int = 1,
    progress: Callable[[str], None],
    batch_rows: int = 200_000,
    max_rows: int = MAX_ROWS,
    folder: Path = ARTIFACTS,
) -> TrainedRun:
    """Fit a grain's model and write run, metrics and coefficients in one transaction.

    The evaluation fit sees only labels that ended before the last twelve complete months began, and
    is judged on those; the final fit sees every complete label.

    Parameters
    ----------
    features
        What the grain's models may read.
    model
        Name of the candidate; None takes the champion of the newest backtest, else the default.
    as_of
        Use no label that ends after this day; None uses all that are complete.
    seed
        Of the bootstrap, the random ranking, the sampling of rows and boosted trees.
    progress
        Called with a sentence per step.
    batch_rows
        Rows in one Arrow batch.
    max_rows
        Above so many training rows, rows without a break are sampled and weighted so that the rate
        stays; every row with a break, and every row of the test, is kept.
    folder
        Where boosted trees are written.

    Raises
    ------
    UserError
        If the mart is missing, or has no complete labels or no breaks in them, or there is no such
        model.
    """
    started = time.perf_counter()
    features = features.with_attributes(warehouse)
    grain, mart = features.grain, features.grain.mart
    chosen = _choose(warehouse, grain, model)
    candidate = make_seeded(features, chosen, seed)
    numbers, levels = feature_columns(features, [candidate])
    periods = complete_periods(warehouse, grain, as_of)
    until = mart.label_end(periods[-1].day)
    where = f"{mart.usable} and {mart.period} <= {sql_date(periods[-1].day)}"
    parameters = _parameters(grain, candidate, seed, max_rows)
    parameters["data"] = registry.fingerprint(warehouse, mart, numbers, levels, where)
    run_id = registry.run_name(grain, chosen.name, until, parameters)
    is_known = registry.has_run(warehouse, run_id)
    if is_known and _is_kept(warehouse, grain, run_id, chosen, folder):
        progress(f"{run_id} is up to date: same data, same configuration")
        return _existing(warehouse, grain, run_id, started)
    if is_known:
        progress(f"{run_id} is in the warehouse, its trees are not in {folder}: fitted again")

    split = _split(mart, periods)
    frame = read_sampled(
        warehouse,
        mart,
        numbers,
        levels,
        where,
        periods,
        whole_from=split.test_from if split else None,
        seed=seed,
        max_rows=max_rows,
        batch_rows=batch_rows,
    )
    progress(
        f"read {frame.rows:,} rows of {mart.name}, {len(periods)} complete periods from "
        f"{periods[0].day} to {periods[-1].day}"
    )
    fits: list[Fit] = []
    metrics: list[Metric] = []
    if split is None:
        progress("no evaluation: the record has no complete year before its last twelve months")
    else:
        fits.append(_fit(frame, mart, candidate, split.trained_until))
        progress(f"evaluation fit: {_describe(fits[0])}")
        metrics = _evaluate(frame, grain, fits[0].model, split.test_from, seed)
        progress(f"judged on {metrics[0].breaks:,} breaks from {split.test_from} to {until}")
    fits.append(_fit(frame, mart, candidate, until))
    progress(f"final fit: {_describe(fits[-1])}")
    test_from = split.test_from if split else None
    # The reason for choosing it is not part of the run's identity.
    parameters["chosen"] = chosen.reason
    run = Run(run_id, grain, chosen.name, tuple(fits), tuple(metrics), test_from, parameters)
    for fit in fits:
        if isinstance(fit.model, GradientBoosting):
            artifacts.save_trees(folder, run_id, fit.trained_until, fit.model)
    if not is_known:
        registry.write_run(warehouse, run)
    return TrainedRun(
        run_id=run_id,
        grain=grain,
        model_name=chosen.name,
        trained_until=until,
        test_from=test_from,
        rows=fits[-1].rows,
        breaks=fits[-1].breaks,
        seconds=time.perf_counter() - started,
        metrics=run.metrics,
        skipped=False,
    )


def _is_kept(
    warehouse: Warehouse, grain: Grain, run_id: str, chosen: Champion, folder: Path
) -> bool:
    """Whether all that scoring needs of a run is there: trees are files of this machine."""
    if chosen.name != GradientBoosting.name:
        return True
    days = [fit.trained_until for fit in registry.list_fits(warehouse, grain, run_id)]
    return artifacts.are_readable(folder, run_id, days)


def _choose(warehouse: Warehouse, grain: Grain, model: str | None) -> Champion:
    if model is None:
        return read_champion(warehouse, grain)
    if model not in grain.candidates:
        known = ", ".join(grain.candidates)
        raise UserError(f"There is no {grain} model {model!r}; there are {known}.")
    return Champion(model, "asked for with --model")


def make_seeded(features: Features, chosen: Champion, seed: int) -> BreakModel:
    """Return the champion unfitted, as it was judged; its randomness comes from the seed."""
    model = features.make_model(chosen.name, chosen.parameters)
    if "random_state" in model.get_params():
        model.set_params(random_state=seed)
    return model


def feature_columns(
    features: Features, models: Sequence[BreakModel]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the numeric columns to read, with exposure and label, and the columns of levels.

    Raises
    ------
    UserError
        If a model reads a column that may not be a feature.
    """
    numbers = dict.fromkeys(name for model in models for name in model.number_columns)
    levels = dict.fromkeys(name for model in models for name in model.level_columns)
    # The rules, and the groups that figures are reported by, read theirs whatever the model does.
    mart, judged = features.grain.mart, features.grain.judged
    features.check((*numbers, *levels, *judged))
    return tuple(dict.fromkeys((*numbers, *judged, mart.exposure, mart.label))), tuple(levels)


def complete_periods(warehouse: Warehouse, grain: Grain, as_of: date | None) -> list[Period]:
    """Return the periods whose labels are complete and end by `as_of`, oldest first."""
    mart = grain.mart
    if not warehouse.has_table(mart.schema, mart.name):
        raise UserError(f"There is no {mart.schema}.{mart.name}: {remedy(warehouse, grain.name)}.")
    sql = (
        f"select {mart.period} as day, count(*) as row_count, "
        f"count(case when {mart.label} > 0 then 1 end) as rows_with_breaks, "
        f"cast(sum({mart.label}) as bigint) as breaks "
        f"from {mart.full_name} where {mart.usable} group by {mart.period} order by {mart.period}"
    )
    periods = [Period(*row.values()) for row in warehouse.query(sql).to_pylist()]
    if not periods:
        raise UserError(
            f"{mart.name} has no rows with complete labels: {remedy(warehouse, grain.name)}."
        )
    first = mart.label_end(periods[0].day)
    if as_of is not None:
        periods = [period for period in periods if mart.label_end(period.day) <= as_of]
    if not periods:
        raise UserError(
            f"{mart.name} has no label that ends by {as_of}: the first ends on {first}; "
            "choose a later --as-of."
        )
    if not any(period.breaks for period in periods):
        raise UserError(
            f"{mart.name} has {len(periods)} complete periods but no breaks in them: "
            f"{remedy(warehouse, grain.name)}."
        )
    return periods


def _split(mart: Mart, periods: list[Period]) -> Split | None:
    """Hold out the last twelve months; None when no break would be left to train on."""
    test_from = add_months(periods[-1].day, mart.months - 12)
    seen = [period for period in periods if mart.label_end(period.day) <= test_from]
    if not any(period.breaks for period in seen):
        return None
    # The first period that exists, because months may be missing.
    first = next(period.day for period in periods if period.day >= test_from)
    return Split(test_from=first, trained_until=mart.label_end(seen[-1].day))


def read_sampled(
    warehouse: Warehouse,
    mart: Mart,
    numbers: Sequence[str],
    levels: Sequence[str],
    where: str,
    periods: Sequence[Period],
    *,
    whole_from: date | None,
    seed: int,
    max_rows: int,
    batch_rows: int = 200_000,
) -> Frame:
    """Read the rows of a mart, thinned to at most about `max_rows` that count in training."""
    rows = sum(period.rows for period in periods)
    kept = sum(period.rows_with_breaks for period in periods)
    share = 1.0 if rows <= max_rows else min(1.0, max(max_rows - kept, 1) / max(rows - kept, 1))
    return read_frame(
        warehouse,
        mart,
        numbers,
        levels,
        where,
        sampling=Sampling(share, seed, whole_from=whole_from),
        batch_rows=batch_rows,
        with_entity=True,
    )


def fit_rows(model: BreakModel, frame: Frame, mart: Mart, rows: NDArray[np.intp]) -> BreakModel:
    """Return a fresh copy of a model, fitted to some rows of the frame."""
    chosen = frame.take(rows)
    exposure = chosen.numbers[mart.exposure].astype(np.float64) / mart.exposure_unit
    return clone(model).fit(
        chosen, chosen.numbers[mart.label], exposure=exposure, sample_weight=chosen.weight
    )


def predict_rows(model: BreakModel, frame: Frame, mart: Mart) -> NDArray[np.float64]:
    """Return the expected breaks of every row of the frame."""
    exposure = frame.numbers[mart.exposure].astype(np.float64) / mart.exposure_unit
    return model.predict(frame, exposure)


def _fit(frame: Frame, mart: Mart, model: BreakModel, trained_until: date) -> Fit:
    """Fit to every row of the frame whose label ends by a day."""
    days = np.unique(frame.period)
    seen = [day for day in days if mart.label_end(day_of(day)) <= trained_until]
    rows = np.flatnonzero((frame.period <= seen[-1]) & (frame.weight > 0))
    exposure = frame.numbers[mart.exposure][rows].astype(np.float64) / mart.exposure_unit
    return Fit(
        trained_until=trained_until,
        train_from=day_of(seen[0]),
        model=fit_rows(model, frame, mart, rows),
        rows=rows.size,
        breaks=int(frame.numbers[mart.label][rows].sum(dtype=np.float64)),
        exposure=float((exposure * frame.weight[rows]).sum()),
    )


def _evaluate(
    frame: Frame, grain: Grain, model: BreakModel, test_from: date, seed: int
) -> list[Metric]:
    tested = frame.take(np.flatnonzero(frame.period >= day_number(test_from)))
    test = Test(test_from, tested, {model.name: predict_rows(model, tested, grain.mart)})
    prepared = grain.judge.prepare(test, seed)
    return grain.judge.judge([prepared], grain.rule, resamples=RESAMPLES, seed=seed)


def _parameters(grain: Grain, model: BreakModel, seed: int, max_rows: int) -> dict[str, object]:
    return {
        "model": model.name,
        "grain": grain.name,
        **describe_model(model),
        "seed": seed,
        "max_rows": max_rows,
    }


def describe_model(model: BreakModel) -> dict[str, object]:
    """Return a model's parameters as plain values, its design term by term."""
    described: dict[str, object] = {}
    for name, value in model.get_params().items():
        if isinstance(value, Design):
            described["levels"] = list(value.levels)
            described["numbers"] = [f"{item.transform}({item.feature})" for item in value.numbers]
            described["least_expected_breaks"] = value.least_expected_breaks
        else:
            described[name] = value
    return described


def _existing(warehouse: Warehouse, grain: Grain, run_id: str, started: float) -> TrainedRun:
    summary = registry.read_summary(warehouse, run_id)
    return TrainedRun(
        run_id=run_id,
        grain=grain,
        model_name=summary.model_name,
        trained_until=summary.trained_until,
        test_from=summary.test_from,
        rows=summary.rows,
        breaks=summary.breaks,
        seconds=time.perf_counter() - started,
        metrics=summary.metrics,
        skipped=True,
    )


def _describe(fit: Fit) -> str:
    terms = f"{len(fit.terms)} terms, " if fit.terms else ""
    return (
        f"{fit.model.label}, {terms}{fit.rows:,} rows, {fit.breaks:,} breaks, labels until "
        f"{fit.trained_until}"
    )
