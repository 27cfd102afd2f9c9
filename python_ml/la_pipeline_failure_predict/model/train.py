"""Train a grain's model: choose the splits, fit twice, judge, write."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from la_pipeline_failure_predict.contracts.catalog import Table
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model import registry
from la_pipeline_failure_predict.model.data import (
    MARTS,
    Frame,
    Grain,
    Mart,
    Sampling,
    add_months,
    day_number,
    day_of,
    read_frame,
    sql_date,
)
from la_pipeline_failure_predict.model.design import (
    DESIGNS,
    Design,
    fit_terms,
    linear_predictor,
    matrix,
)
from la_pipeline_failure_predict.model.evaluate import EVALUATIONS
from la_pipeline_failure_predict.model.poisson_glm import PoissonGLM
from la_pipeline_failure_predict.model.registry import Fit, Metric, Run
from la_pipeline_failure_predict.warehouse.base import Warehouse

PENALTY = 1.0
# Above these, memory counts for more than the seventh digit of a coefficient, and than every zero.
DOUBLE_PRECISION_ROWS = 1_000_000
MAX_ROWS = 2_000_000

HEADLINES: Mapping[str, tuple[str, ...]] = {
    "pipe": (
        "capture_at_1pct_length",
        "capture_at_10pct_length",
        "capture_gain_over_past_breaks_per_km_at_10pct_length",
        "auc",
        "observed_over_expected",
    ),
    "area_month": (
        "poisson_deviance",
        "deviance_gain_over_same_month_mean",
        "deviance_gain_over_last_12_months_rate",
        "observed_over_expected",
    ),
}
MEND: Mapping[str, str] = {
    "pipe": "load pipes and breaks, then run la-pipes build",
    "area_month": "load areas and breaks, then run la-pipes build",
}


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
        wanted = HEADLINES[self.grain]
        found = {
            item.metric: item
            for item in self.metrics
            if item.model_name == registry.MODEL_NAME and item.segment == "all"
        }
        return tuple(found[name] for name in wanted if name in found)


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
    tables: Mapping[str, Table],
    grain: Grain,
    *,
    as_of: date | None = None,
    seed: int = 1,
    progress: Callable[[str], None],
    batch_rows: int = 200_000,
    max_rows: int = MAX_ROWS,
) -> TrainedRun:
    """Fit a grain's model and write run, metrics and coefficients in one transaction.

    The evaluation fit sees only labels that ended before the last twelve complete months began, and
    is judged on those; the final fit sees every complete label.

    Parameters
    ----------
    tables
        Declared tables by name, as `contracts.catalog.read_tables` gives them.
    as_of
        Use no label that ends after this day; None uses all that are complete.
    seed
        Of the bootstrap, the random ranking and the sampling of rows.
    progress
        Called with a sentence a step.
    batch_rows
        Rows in one Arrow batch.
    max_rows
        Above so many training rows, rows without a break are sampled and weighted so that the rate
        stays; every row with a break, and every row of the test, is kept.

    Raises
    ------
    UserError
        If the mart is missing, or has no complete labels or no breaks in them.
    """
    started = time.perf_counter()
    mart, design = MARTS[grain], DESIGNS[grain]
    warehouse.create_tables(tables[name] for name in registry.MODEL_TABLES)
    periods = _complete_periods(warehouse, mart, grain, as_of)
    until = mart.label_end(periods[-1].day)
    where = f"{mart.usable} and {mart.period} <= {sql_date(periods[-1].day)}"
    parameters = _parameters(grain, design, seed, max_rows)
    parameters["data"] = registry.fingerprint(warehouse, mart, design, where)
    run_id = registry.run_name(grain, until, parameters)
    if registry.has_run(warehouse, tables, run_id):
        progress(f"{run_id} is up to date: same data, same configuration")
        return _existing(warehouse, tables, grain, run_id, started)

    split = _split(mart, periods)
    frame = _read(warehouse, mart, design, where, periods, split, seed, batch_rows, max_rows)
    progress(
        f"read {frame.rows:,} rows of {mart.name}, {len(periods)} complete periods from "
        f"{periods[0].day} to {periods[-1].day}"
    )
    fits: list[Fit] = []
    metrics: list[Metric] = []
    if split is None:
        progress("no evaluation: the record has no complete year before its last twelve months")
    else:
        fits.append(_fit(frame, mart, design, split.trained_until))
        progress(f"evaluation fit: {_describe(fits[0])}")
        metrics = _evaluate(frame, mart, grain, fits[0], split.test_from, seed)
        progress(f"judged on {metrics[0].breaks:,} breaks from {split.test_from} to {until}")
    fits.append(_fit(frame, mart, design, until))
    progress(f"final fit: {_describe(fits[-1])}")
    test_from = split.test_from if split else None
    run = Run(run_id, grain, tuple(fits), tuple(metrics), test_from, parameters)
    registry.write_run(warehouse, tables, run)
    return TrainedRun(
        run_id=run_id,
        grain=grain,
        trained_until=until,
        test_from=test_from,
        rows=fits[-1].rows,
        breaks=fits[-1].breaks,
        seconds=time.perf_counter() - started,
        metrics=run.metrics,
        skipped=False,
    )


def _complete_periods(
    warehouse: Warehouse, mart: Mart, grain: Grain, as_of: date | None
) -> list[Period]:
    """Return the periods whose labels are complete and end by `as_of`, oldest first."""
    if not warehouse.has_table(mart.schema, mart.name):
        raise UserError(f"There is no {mart.schema}.{mart.name}: {MEND[grain]}.")
    sql = (
        f"select {mart.period} as day, count(*) as row_count, "
        f"count(case when {mart.label} > 0 then 1 end) as rows_with_breaks, "
        f"cast(sum({mart.label}) as bigint) as breaks "
        f"from {mart.full_name} where {mart.usable} group by {mart.period} order by {mart.period}"
    )
    periods = [Period(*row.values()) for row in warehouse.query(sql).to_pylist()]
    if not periods:
        raise UserError(f"{mart.name} has no rows with complete labels: {MEND[grain]}.")
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
            f"{mart.name} has {len(periods)} complete periods but no breaks in them: load breaks "
            "(and link them to pipes with la-pipes link), then run la-pipes build."
        )
    return periods


def _split(mart: Mart, periods: list[Period]) -> Split | None:
    """Hold out the last twelve months; None when no break would be left to train on."""
    test_from = add_months(periods[-1].day, mart.months - 12)
    seen = [period for period in periods if mart.label_end(period.day) <= test_from]
    if not any(period.breaks for period in seen):
        return None
    # The first period that is there: months may be missing.
    first = next(period.day for period in periods if period.day >= test_from)
    return Split(test_from=first, trained_until=mart.label_end(seen[-1].day))


def _read(
    warehouse: Warehouse,
    mart: Mart,
    design: Design,
    where: str,
    periods: list[Period],
    split: Split | None,
    seed: int,
    batch_rows: int,
    max_rows: int,
) -> Frame:
    rows = sum(period.rows for period in periods)
    kept = sum(period.rows_with_breaks for period in periods)
    share = 1.0 if rows <= max_rows else max(max_rows - kept, 1) / (rows - kept)
    return read_frame(
        warehouse,
        mart,
        tuple(dict.fromkeys((*design.number_columns, mart.exposure, mart.label))),
        design.level_columns,
        where,
        sampling=Sampling(share, seed, whole_from=split.test_from if split else None),
        batch_rows=batch_rows,
    )


def _fit(frame: Frame, mart: Mart, design: Design, trained_until: date) -> Fit:
    """Fit to every row of the frame whose label ends by a day."""
    days = np.unique(frame.period)
    seen = [day for day in days if mart.label_end(day_of(day)) <= trained_until]
    chosen = np.flatnonzero((frame.period <= seen[-1]) & (frame.weight > 0))
    weight = frame.weight[chosen].astype(np.float64)
    breaks = frame.numbers[mart.label][chosen]
    exposure = frame.numbers[mart.exposure][chosen].astype(np.float64) / mart.exposure_unit
    terms = fit_terms(design, frame, chosen, breaks, exposure * weight)
    precise = chosen.size <= DOUBLE_PRECISION_ROWS
    # One thread: the same sums, and so the same coefficients, on any number of cores; and threads
    # that wait for each other on a busy machine cost more than they bring.
    with threadpool_limits(limits=1):
        model = PoissonGLM(penalty=PENALTY, tolerance=1e-8 if precise else 1e-5).fit(
            matrix(terms, frame, chosen, np.float64 if precise else np.float32),
            breaks,
            exposure=exposure,
            weight=weight,
        )
    return Fit(
        trained_until=trained_until,
        train_from=day_of(seen[0]),
        terms=terms,
        coefficients=(model.intercept_, *model.coef_.tolist()),
        rows=chosen.size,
        breaks=int(breaks.sum(dtype=np.float64)),
        exposure=float((exposure * weight).sum()),
    )


def _evaluate(
    frame: Frame, mart: Mart, grain: Grain, fit: Fit, test_from: date, seed: int
) -> list[Metric]:
    rows: NDArray[np.intp] = np.flatnonzero(frame.period >= day_number(test_from))
    rate = np.exp(linear_predictor(fit.terms, fit.coefficients, frame, rows))
    expected = rate * (frame.numbers[mart.exposure][rows] / mart.exposure_unit)
    return EVALUATIONS[grain](frame, rows, expected, seed)


def _parameters(grain: Grain, design: Design, seed: int, max_rows: int) -> dict[str, object]:
    return {
        "model": registry.MODEL_NAME,
        "grain": grain,
        "levels": list(design.levels),
        "numbers": [f"{number.transform}({number.feature})" for number in design.numbers],
        "least_expected_breaks": design.least_expected_breaks,
        "penalty": PENALTY,
        "seed": seed,
        "max_rows": max_rows,
    }


def _existing(
    warehouse: Warehouse, tables: Mapping[str, Table], grain: Grain, run_id: str, started: float
) -> TrainedRun:
    summary = registry.read_summary(warehouse, tables, run_id)
    return TrainedRun(
        run_id=run_id,
        grain=grain,
        trained_until=summary.trained_until,
        test_from=summary.test_from,
        rows=summary.rows,
        breaks=summary.breaks,
        seconds=time.perf_counter() - started,
        metrics=summary.metrics,
        skipped=True,
    )


def _describe(fit: Fit) -> str:
    return (
        f"{len(fit.terms)} terms, {fit.rows:,} rows, {fit.breaks:,} breaks, labels until "
        f"{fit.trained_until}"
    )
