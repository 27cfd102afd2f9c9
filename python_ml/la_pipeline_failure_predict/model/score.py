"""Score mains, or areas and months, from the coefficients in the warehouse."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model import artifacts, registry
from la_pipeline_failure_predict.model.attributes import read_attributes
from la_pipeline_failure_predict.model.candidates import BreakModel
from la_pipeline_failure_predict.model.candidates.gradient_boosting import GradientBoosting
from la_pipeline_failure_predict.model.data import (
    Mart,
    add_months,
    frame_of,
    select,
    sql_date,
)
from la_pipeline_failure_predict.model.grains import MAINS, Grain
from la_pipeline_failure_predict.model.registry import FitKey
from la_pipeline_failure_predict.model.stored import check_columns
from la_pipeline_failure_predict.warehouse.base import Warehouse, full_name


@dataclass(frozen=True)
class ScoredRun:
    """What scoring wrote.

    Attributes
    ----------
    first_day, last_day
        First and last as-of date (pipe) or month (area_month) scored.
    trained_until
        The fits used, oldest first: the first day after the labels that each has seen.
    expected_breaks
        Sum of the expected breaks.
    """

    run_id: str
    grain: Grain
    first_day: date
    last_day: date
    trained_until: tuple[date, ...]
    rows: int
    expected_breaks: float
    seconds: float


def score(
    warehouse: Warehouse,
    grain: Grain,
    *,
    run_id: str | None = None,
    as_of: date | None = None,
    progress: Callable[[str], None],
    batch_rows: int = 200_000,
    folder: Path = Path("artifacts"),
) -> ScoredRun:
    """Score one as-of date of the mains, or months of the areas, and write the scores.

    Each day is scored by the newest fit whose labels had all ended by it. Scores of the same run
    and days are replaced in one transaction, so scoring again changes nothing. Scores of days that
    are later than the mart's last, of any run, go.

    Parameters
    ----------
    run_id
        Run to score with; None takes the one whose fit is the newest that may be used.
    as_of
        As-of date of the mains, or first day of the month of the areas. None scores the newest
        as-of date of the mains; of the areas the last twelve months with complete labels that a
        fit may be used for, and every month after them.
    progress
        Called with a sentence per step.
    batch_rows
        Rows in one Arrow batch.
    folder
        Where boosted trees are.

    Raises
    ------
    UserError
        If there is no such run, no fit that may be used, or nothing to score.
    """
    started = time.perf_counter()
    mart, table = grain.mart, warehouse.table(grain.score_table)
    fits = registry.list_fits(warehouse, grain, run_id)
    days = _days(warehouse, grain, as_of)
    chosen = _choose(fits, days, grain)
    used = list(chosen.values())
    scored_at = datetime.now(UTC).replace(tzinfo=None)

    batches: list[pa.RecordBatch] = []
    # All rows are read before the first is written, because a connection can only do one at a time.
    for fit, group in groupby(chosen, key=chosen.__getitem__):
        covered = list(group)
        model = _load(warehouse, fit, folder)
        used_columns = (*model.level_columns, *model.number_columns)
        check_columns(fit.run_id, used_columns, _columns(warehouse, mart))
        batches += _scores(warehouse, mart, fit, model, covered, scored_at, batch_rows)
        progress(f"scored {covered[0]} to {covered[-1]} with the fit until {fit.trained_until}")
    scores = pa.Table.from_batches(batches)

    replaced = (
        f"delete from {full_name(table)} where run_id = $1 and {mart.period} between $2 and $3"
    )
    with warehouse.transaction():
        warehouse.execute(replaced, (used[0].run_id, min(chosen), max(chosen)))
        _forget_days_after_the_record(warehouse, grain)
        warehouse.append(table, scores.to_reader())
    warehouse.analyze(table)
    progress(f"wrote {scores.num_rows:,} rows to {table.schema}.{table.name}")
    return ScoredRun(
        run_id=used[0].run_id,
        grain=grain,
        first_day=min(chosen),
        last_day=max(chosen),
        trained_until=tuple(sorted({fit.trained_until for fit in used})),
        rows=scores.num_rows,
        expected_breaks=float(np.sum(scores.column("expected_breaks").to_numpy())),
        seconds=time.perf_counter() - started,
    )


def score_last_outcome(
    warehouse: Warehouse,
    run_id: str,
    *,
    progress: Callable[[str], None],
    folder: Path = Path("artifacts"),
) -> ScoredRun | None:
    """Score the mains for the last as-of date whose outcome is known, to be compared with it.

    Months of areas need no such call: `score` writes the last twelve with an outcome itself.

    Parameters
    ----------
    run_id
        Run that scored the newest as-of date; its fit that had not seen the outcome is used.
    folder
        Where boosted trees are.

    Returns
    -------
    ScoredRun or None
        None when no outcome is known, or every fit of the run has seen it.
    """
    mart = MAINS.mart
    day = warehouse.scalar(
        f"select max({mart.period}) from {mart.full_name} where is_label_complete"
    )
    fits = registry.list_fits(warehouse, MAINS, run_id)
    if not isinstance(day, date) or all(fit.trained_until > day for fit in fits):
        return None
    return score(warehouse, MAINS, run_id=run_id, as_of=day, progress=progress, folder=folder)


def _days(warehouse: Warehouse, grain: Grain, as_of: date | None) -> list[date]:
    """Return the days to score, oldest first."""
    mart = grain.mart
    if not warehouse.has_table(mart.schema, mart.name):
        raise UserError(f"There is no {mart.schema}.{mart.name}: run la-pipes build.")
    newest = f"select max({mart.period}) from {mart.full_name}"
    last = warehouse.scalar(newest)
    if not isinstance(last, date):
        raise UserError(f"{mart.name} has no rows to score: load data, then run la-pipes build.")
    if as_of is not None:
        found = warehouse.scalar(
            f"select count(*) from {mart.full_name} where {mart.period} = {sql_date(as_of)}"
        )
        if not found:
            raise UserError(
                f"{mart.name} has no rows for {as_of}: it has the first days of "
                f"{grain.period_name} up to {last}."
            )
        return [as_of]
    if grain.is_ranked:
        return [last]
    complete = warehouse.scalar(f"{newest} where is_label_complete")
    since = add_months(complete, -11) if isinstance(complete, date) else last
    listed = warehouse.query(
        f"select distinct {mart.period} as day from {mart.full_name} "
        f"where {mart.period} >= {sql_date(since)} order by {mart.period}"
    )
    return [day.as_py() for day in listed.column("day")]


def _forget_days_after_the_record(warehouse: Warehouse, grain: Grain) -> None:
    """Delete scores of days that a withdrawn load had added to the record."""
    period, scores = grain.mart.period, full_name(warehouse.table(grain.score_table))
    warehouse.execute(
        f"delete from {scores} where {period} > (select max({period}) from {grain.mart.full_name})"
    )


def _choose(fits: list[FitKey], days: list[date], grain: Grain) -> dict[date, FitKey]:
    """Return the fit for each day that has one, all of one run."""
    usable = [fit for fit in fits if fit.trained_until <= days[-1]]
    if not usable:
        first = min(fit.trained_until for fit in fits)
        raise UserError(
            f"Every fit has seen labels after {days[-1]} (the first ends on {first}), so none can "
            f"score it: run la-pipes train --grain {grain} --as-of {days[-1]} first."
        )
    run_id = registry.newest(usable).run_id
    own = [fit for fit in usable if fit.run_id == run_id]
    first = min(fit.trained_until for fit in own)
    return {day: registry.newest(own, day) for day in days if day >= first}


def _scores(
    warehouse: Warehouse,
    mart: Mart,
    fit: FitKey,
    model: BreakModel,
    days: list[date],
    scored_at: datetime,
    batch_rows: int,
) -> Iterator[pa.RecordBatch]:
    """Yield batches of scores of the mart's rows on some days."""
    levels, numbers = model.level_columns, model.number_columns
    if mart.exposure not in numbers:
        numbers = (*numbers, mart.exposure)
    columns = dict.fromkeys((mart.entity, mart.period, *numbers, *levels))
    where = f"{mart.period} between {sql_date(days[0])} and {sql_date(days[-1])}"
    sql = select(mart, tuple(columns), levels, where)
    for batch in warehouse.stream(sql, batch_rows=batch_rows):
        frame = frame_of(batch, mart, numbers, levels)
        exposure = frame.numbers[mart.exposure].astype(np.float64) / mart.exposure_unit
        expected = model.predict(frame, exposure)
        yield pa.RecordBatch.from_pydict(
            {
                "run_id": pa.array([fit.run_id]).take(pa.array(np.zeros(frame.rows, np.int32))),
                mart.entity: batch.column(mart.entity),
                mart.period: batch.column(mart.period),
                "horizon_months": pa.array(np.full(frame.rows, mart.months, np.int32)),
                "expected_breaks": pa.array(expected),
                "break_probability": pa.array(-np.expm1(-expected)),
                "trained_until": pa.array([fit.trained_until] * frame.rows, pa.date32()),
                "scored_at": pa.array([scored_at] * frame.rows, pa.timestamp("us")),
            }
        )


def _columns(warehouse: Warehouse, mart: Mart) -> list[str]:
    """Return the columns of a mart, and the attributes of its mains."""
    sql = (
        "select column_name from information_schema.columns "
        "where table_schema = $1 and table_name = $2"
    )
    own = warehouse.query(sql, (mart.schema, mart.name)).column(0).to_pylist()
    return own + [attribute.feature for attribute in read_attributes(warehouse)]


def _load(warehouse: Warehouse, fit: FitKey, folder: Path) -> BreakModel:
    if fit.model_name == GradientBoosting.name:
        return artifacts.load_trees(folder, fit.run_id, fit.trained_until)
    return registry.read_terms(warehouse, fit)
