"""Runs, metrics and coefficients in the warehouse: names, writing, reading."""

import hashlib
import io
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.csv
import sklearn

from la_pipeline_failure_predict import __version__
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.candidates import BreakModel, CoefficientModel
from la_pipeline_failure_predict.model.candidates.base import FittedTerms
from la_pipeline_failure_predict.model.data import Mart
from la_pipeline_failure_predict.model.design import Term
from la_pipeline_failure_predict.model.evaluate import Metric
from la_pipeline_failure_predict.model.grains import Grain
from la_pipeline_failure_predict.model.metrics import Estimate
from la_pipeline_failure_predict.model.stored import (
    StoredFit,
    StoredSummary,
    StoredTerm,
    delete_run,
    read_stored,
)
from la_pipeline_failure_predict.tables import Table
from la_pipeline_failure_predict.warehouse.base import (
    Warehouse,
    arrow_schema,
    full_name,
    quote,
)

MODEL_TABLES = ("model_runs", "model_metrics", "model_coefficients")
LAST_YEAR_OUT = "last_year_out"


@dataclass(frozen=True)
class Fit:
    """A model fitted to labels that had all ended by a day.

    Attributes
    ----------
    trained_until
        First day after the last training label.
    rows, breaks, exposure
        What it was trained on: rows of the mart, breaks in their labels, and their exposure in
        km-years (pipe) or months of the area's exposure.
    """

    trained_until: date
    train_from: date
    model: BreakModel
    rows: int
    breaks: int
    exposure: float

    @property
    def terms(self) -> tuple[Term, ...]:
        """Its terms; none where the model is not a list of them."""
        return self.model.terms_ if isinstance(self.model, CoefficientModel) else ()

    @property
    def coefficients(self) -> tuple[float, ...]:
        """One for each term."""
        return self.model.coefficients_ if isinstance(self.model, CoefficientModel) else ()


@dataclass(frozen=True)
class FitKey:
    """Which fit of which run, and of which model."""

    run_id: str
    trained_until: date
    trained_at: datetime
    model_name: str


@dataclass(frozen=True)
class Run:
    """Everything that training writes.

    Attributes
    ----------
    test_from
        First period of the test; None when the record is too short for one.
    parameters
        Configuration, written as JSON.
    """

    run_id: str
    grain: Grain
    model_name: str
    fits: tuple[Fit, ...]
    metrics: tuple[Metric, ...]
    test_from: date | None
    parameters: Mapping[str, object]


@dataclass(frozen=True)
class Summary:
    """A written run: its newest fit and its evaluation."""

    model_name: str
    trained_until: date
    test_from: date | None
    rows: int
    breaks: int
    metrics: tuple[Metric, ...]


def run_name(grain: Grain, kind: str, trained_until: date, parameters: Mapping[str, object]) -> str:
    """Return a run's id: the same data and configuration give the same one."""
    text = json.dumps(parameters, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{grain}-{kind}".replace("_", "-") + f"-{trained_until:%Y%m%d}-{digest}"


def fingerprint(
    warehouse: Warehouse, mart: Mart, numbers: Sequence[str], levels: Sequence[str], where: str
) -> str:
    """Return a digest of the rows to train on, computed by the warehouse.

    Counts and whole-number sums (of thousandths, rounded down) by period and levels: they do not
    depend on the order in which rows are added up, nor on the engine.
    """
    by = ", ".join(quote(name) for name in (mart.period, *levels))
    named = dict.fromkeys((*numbers, mart.exposure, mart.label))
    measured = [_thousandths(quote(name)) for name in named]
    measured.append(_thousandths(f"{quote(mart.label)} * {quote(mart.exposure)}"))
    counted = [f"count({quote(name)})" for name in named]
    sql = (
        f"select {by}, count(*), {', '.join([*measured, *counted])} "
        f"from {mart.rows((*named, *levels), levels)} where {where} group by {by}"
    )
    groups = warehouse.query(sql)
    groups = groups.rename_columns([f"c{position}" for position in range(groups.num_columns)])
    groups = groups.sort_by([(name, "ascending") for name in groups.column_names])
    text = io.BytesIO()
    pa.csv.write_csv(groups, text)
    return hashlib.sha256(text.getvalue()).hexdigest()


def _thousandths(expression: str) -> str:
    whole = f"cast(floor(cast({expression} as double precision) * 1000) as bigint)"
    return f"cast(sum({whole}) as bigint)"


def has_run(warehouse: Warehouse, run_id: str) -> bool:
    """Whether the run has been written."""
    sql = f"select count(*) from {warehouse.full_name('model_runs')} where run_id = $1"
    return bool(warehouse.scalar(sql, (run_id,)))


def write_run(warehouse: Warehouse, run: Run) -> None:
    """Write a run in one transaction: all of its rows, or none; of what is left of it, nothing."""
    now = datetime.now(UTC).replace(tzinfo=None)
    written = (
        _run_rows(run, now),
        metric_rows(run.run_id, [(LAST_YEAR_OUT, run.test_from, run.metrics)], now),
        _coefficient_rows(run),
    )
    rows = dict(zip(MODEL_TABLES, written, strict=True))
    with warehouse.transaction():
        for name, listed in rows.items():
            warehouse.execute(
                f"delete from {warehouse.full_name(name)} where run_id = $1", (run.run_id,)
            )
            if listed:
                warehouse.append(warehouse.table(name), reader_of(warehouse.table(name), listed))
    for name in rows:
        warehouse.analyze(warehouse.table(name))


def _run_rows(run: Run, now: datetime) -> list[dict[str, object]]:
    return [
        {
            "run_id": run.run_id,
            "trained_until": fit.trained_until,
            "grain": run.grain.name,
            "model_name": run.model_name,
            "train_from": fit.train_from,
            "row_count": fit.rows,
            "break_count": fit.breaks,
            "exposure": fit.exposure,
            "parameters": json.dumps(run.parameters, sort_keys=True, default=str),
            "library_versions": json.dumps(library_versions(), sort_keys=True),
            "trained_at": now,
        }
        for fit in run.fits
    ]


def metric_rows(
    run_id: str,
    splits: Iterable[tuple[str, date | None, Iterable[Metric]]],
    computed_at: datetime,
) -> list[dict[str, object]]:
    """Return rows of `model_metrics`, for splits of a name and first test period."""
    return [
        {
            "run_id": run_id,
            "split_name": split_name,
            "as_of_date": as_of,
            "model_name": item.model_name,
            "segment": item.segment,
            "metric": item.metric,
            "value": item.estimate.value,
            "lower_95": item.estimate.lower,
            "upper_95": item.estimate.upper,
            "row_count": item.rows,
            "break_count": item.breaks,
            "computed_at": computed_at,
        }
        for split_name, as_of, listed in splits
        for item in listed
    ]


def _coefficient_rows(run: Run) -> list[dict[str, object]]:
    return [
        {
            "run_id": run.run_id,
            "trained_until": fit.trained_until,
            "term": term.name,
            "feature": term.feature,
            "transform": term.transform,
            "level": term.level,
            "center": term.center,
            "scale": term.scale,
            "coefficient": coefficient,
        }
        for fit in run.fits
        for term, coefficient in zip(fit.terms, fit.coefficients, strict=True)
    ]


def reader_of(table: Table, rows: Sequence[Mapping[str, object]]) -> pa.RecordBatchReader:
    """Return rows as a reader of the table's columns."""
    return pa.Table.from_pylist(list(rows), schema=arrow_schema(table)).to_reader()


def library_versions() -> dict[str, str]:
    """Return the versions that a fit depends on."""
    return {
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "la_pipeline_failure_predict": __version__,
    }


def list_fits(warehouse: Warehouse, grain: Grain, run_id: str | None = None) -> list[FitKey]:
    """Return the fits of a grain, or of one of its runs, in no particular order.

    Raises
    ------
    UserError
        If nothing has been trained for the grain, or the run is not one of them.
    """
    table = warehouse.table("model_runs")
    command = f"la-pipes train --grain {grain}"
    if not warehouse.has_table(table.schema, table.name):
        raise UserError(f"No {grain} model has been trained: run {command}.")
    sql = (
        "select run_id, trained_until, trained_at, model_name "
        f"from {full_name(table)} where grain = $1"
    )
    rows = warehouse.query(sql, (grain.name,)).to_pylist()
    stored = [read_stored(StoredFit, [row], delete_run(row["run_id"]))[0] for row in rows]
    fits = [FitKey(**fit.model_dump()) for fit in stored]
    if not fits:
        raise UserError(f"No {grain} model has been trained: run {command}.")
    if run_id is None:
        return fits
    found = [fit for fit in fits if fit.run_id == run_id]
    if not found:
        latest = newest(fits).run_id
        raise UserError(f"There is no {grain} run {run_id!r}; the newest is {latest}.")
    return found


def newest(fits: Iterable[FitKey], until: date | None = None) -> FitKey:
    """Return the fit with the latest labels, of those trained last, that had ended by a day.

    Raises
    ------
    ValueError
        If there is none.
    """
    seen = [fit for fit in fits if until is None or fit.trained_until <= until]
    return max(seen, key=lambda fit: (fit.trained_until, fit.trained_at, fit.run_id))


def read_terms(warehouse: Warehouse, fit: FitKey) -> FittedTerms:
    """Return a fit of terms and coefficients, the intercept first, then by name.

    Raises
    ------
    UserError
        If they are not there, or have been changed.
    """
    sql = (
        "select feature, transform, level, center, scale, coefficient "
        f"from {warehouse.full_name('model_coefficients')} "
        "where run_id = $1 and trained_until = $2"
    )
    rows = warehouse.query(sql, (fit.run_id, fit.trained_until)).to_pylist()
    if not rows:
        raise UserError(
            f"Run {fit.run_id} has no coefficients for {fit.trained_until}: "
            f"{delete_run(fit.run_id)}"
        )
    stored = read_stored(StoredTerm, rows, delete_run(fit.run_id))
    pairs = [
        (term.coefficient, Term(**term.model_dump(exclude={"coefficient"}))) for term in stored
    ]
    pairs.sort(key=lambda pair: (pair[1].transform != "intercept", pair[1].name))
    return FittedTerms(tuple(term for _, term in pairs), tuple(value for value, _ in pairs))


def read_summary(warehouse: Warehouse, run_id: str) -> Summary:
    """Return what is stored about a run."""
    fits = warehouse.query(
        "select model_name, trained_until, row_count, break_count "
        f"from {warehouse.full_name('model_runs')} where run_id = $1 order by trained_until desc",
        (run_id,),
    ).to_pylist()
    newest_fit = read_stored(StoredSummary, fits, delete_run(run_id))[0]
    rows = warehouse.query(
        "select as_of_date, model_name, segment, metric, value, lower_95, upper_95, "
        f"row_count, break_count from {warehouse.full_name('model_metrics')} where run_id = $1",
        (run_id,),
    ).to_pylist()
    metrics = tuple(
        Metric(
            row["model_name"],
            row["segment"],
            row["metric"],
            Estimate(row["value"], row["lower_95"], row["upper_95"]),
            row["row_count"],
            row["break_count"],
        )
        for row in rows
    )
    return Summary(
        model_name=newest_fit.model_name,
        trained_until=newest_fit.trained_until,
        test_from=rows[0]["as_of_date"] if rows else None,
        rows=newest_fit.row_count,
        breaks=newest_fit.break_count,
        metrics=metrics,
    )
