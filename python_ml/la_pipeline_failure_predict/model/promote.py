"""Which scored run the risk marts read: promotions, kept as a history in the warehouse."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.grains import GRAINS, Grain
from la_pipeline_failure_predict.model.registry import reader_of
from la_pipeline_failure_predict.warehouse.base import Warehouse, full_name
from la_pipeline_failure_predict.warehouse.locks import current_user


@dataclass(frozen=True)
class Promoted:
    """The run that the risk marts of a grain are to read.

    Attributes
    ----------
    run_id
        None if no run is promoted: the seed's run, or else the newest scored run, is read.
    is_new
        Whether this was written now; False if it was already so.
    """

    grain: Grain
    run_id: str | None
    is_new: bool


@dataclass(frozen=True)
class ListedRun:
    """A run with what is needed to choose among runs.

    Attributes
    ----------
    trained_until
        First day after the labels of its newest fit.
    scored_rows
        Rows in the score table; 0 where it has not been scored.
    is_published
        Whether the risk marts read it, once built.
    """

    grain: Grain
    run_id: str
    trained_until: date
    scored_rows: int
    is_published: bool


def promote(warehouse: Warehouse, run_id: str, grain: Grain | None = None) -> Promoted:
    """Make the risk marts read a run; promoting it again changes nothing.

    Parameters
    ----------
    grain
        What the run must be of; None takes it from the run.

    Raises
    ------
    UserError
        If there is no such run, it is of another grain, or it has not been scored.
    """
    own = grain_of(warehouse, run_id)
    if grain is not None and own is not grain:
        raise UserError(f"Run {run_id} is of grain {own}, not {grain}: leave --grain out.")
    scores = warehouse.full_name(own.score_table)
    if not warehouse.scalar(f"select count(*) from {scores} where run_id = $1", (run_id,)):
        raise UserError(
            f"Run {run_id} has no scores to publish: run la-pipes score --grain {own} "
            f"--run-id {run_id} first."
        )
    return _write(warehouse, own, run_id)


def withdraw(warehouse: Warehouse, grain: Grain) -> Promoted:
    """Withdraw a grain's promotion: the seed's run, or else the newest scored one, is read."""
    return _write(warehouse, grain, None)


def promoted_run(warehouse: Warehouse, grain: Grain) -> str | None:
    """Return the run that was promoted last; None without one."""
    table = warehouse.table("promotions")
    if not warehouse.has_table(table.schema, table.name):
        return None
    found = warehouse.scalar(
        f"select run_id from {full_name(table)} where grain = $1 order by promoted_at desc limit 1",
        (grain.name,),
    )
    return None if found is None else str(found)


def list_runs(warehouse: Warehouse, grains: Sequence[Grain]) -> list[ListedRun]:
    """Return the trained runs, those that learned from the newest labels first."""
    published: set[str] = set()
    # The view decides, so that the list shows what the marts read; it exists after a build.
    if warehouse.has_table("intermediate", "int_scores__published_runs"):
        rows = warehouse.query("select run_id from intermediate.int_scores__published_runs")
        published = set(rows.column("run_id").to_pylist())
    listed: list[ListedRun] = []
    for grain in grains:
        scores = warehouse.full_name(grain.score_table)
        rows = warehouse.query(
            "with scored as ("
            f"select run_id, count(*) as row_count from {scores} group by run_id) "
            "select runs.run_id, max(runs.trained_until) as trained_until, "
            "cast(coalesce(max(scored.row_count), 0) as bigint) as scored_rows "
            f"from {warehouse.full_name('model_runs')} as runs "
            "left join scored on runs.run_id = scored.run_id "
            "where runs.grain = $1 group by runs.run_id "
            "order by trained_until desc, max(runs.trained_at) desc",
            (grain.name,),
        )
        listed += [
            ListedRun(grain, **row, is_published=row["run_id"] in published)
            for row in rows.to_pylist()
        ]
    return listed


def grain_of(warehouse: Warehouse, run_id: str) -> Grain:
    """Return what a trained run is of.

    Raises
    ------
    UserError
        If there is no such run.
    """
    found = warehouse.scalar(
        f"select max(grain) from {warehouse.full_name('model_runs')} where run_id = $1", (run_id,)
    )
    for grain in GRAINS.values():
        if grain.name == found:
            return grain
    raise UserError(f"There is no run {run_id!r}: la-pipes promote --list shows the runs.")


def _write(warehouse: Warehouse, grain: Grain, run_id: str | None) -> Promoted:
    if promoted_run(warehouse, grain) == run_id:
        return Promoted(grain, run_id, is_new=False)
    table = warehouse.table("promotions")
    row = {
        "grain": grain.name,
        "run_id": run_id,
        "promoted_at": warehouse.moment_after(table.name, "promoted_at"),
        "promoted_by": current_user(),
    }
    with warehouse.transaction():
        warehouse.append(table, reader_of(table, [row]))
    return Promoted(grain, run_id, is_new=True)
