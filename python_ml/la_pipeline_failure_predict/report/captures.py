"""How many breaks the riskiest meters caught, on the years that were judged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from la_pipeline_failure_predict.model.backtest import ROLLING
from la_pipeline_failure_predict.model.baselines import PAST_BREAKS
from la_pipeline_failure_predict.model.grains import MAINS
from la_pipeline_failure_predict.model.metrics import SHARE_NAMES, Estimate
from la_pipeline_failure_predict.model.registry import LAST_YEAR_OUT
from la_pipeline_failure_predict.warehouse import Warehouse

SIMPLE_RULES = (PAST_BREAKS, "age")
PUBLISHED = """
    select runs.run_id, runs.model_name
    from ml.model_runs as runs
    where runs.run_id = (select max(run_id) from powerbi.pipe_risk)
    order by runs.trained_until desc
    limit 1
"""
NEWEST_BACKTEST = """
    select backtest_id from ml.backtests where grain = 'pipe' order by ran_at desc limit 1
"""
CAPTURES = """
    select model_name, metric, value, lower_95, upper_95, break_count, as_of_date
    from ml.model_metrics
    where run_id = $1 and split_name = $2 and segment = 'all'
        and metric like 'capture_at_%pct_length'
"""
ORIGINS = """
    select distinct as_of_date
    from ml.model_metrics
    where run_id = $1 and split_name = $2
    order by as_of_date
"""


@dataclass(frozen=True)
class Captures:
    """The shares of breaks that rankings caught, with what they rest on.

    Attributes
    ----------
    origins
        Days that were predicted from, a year each.
    is_backtest
        Whether they are those of a backtest, not the one year that training held out.
    by_ranking
        For each ranking, the published model first, an estimate per share of `SHARES`.
    """

    label: str
    origins: tuple[date, ...]
    is_backtest: bool
    breaks: int
    by_ranking: Mapping[str, Sequence[Estimate]]


def read_captures(warehouse: Warehouse) -> Captures | None:
    """Return what ranking caught in the newest backtest, else in the year that training held out.

    None where neither has figures of the published model.
    """
    published = warehouse.query(PUBLISHED).to_pylist()
    if not published:
        return None
    run = published[0]
    sources = [(run["run_id"], LAST_YEAR_OUT)]
    if warehouse.has_table("ml", "backtests") and (found := warehouse.scalar(NEWEST_BACKTEST)):
        sources.insert(0, (str(found), f"{ROLLING}_pooled"))
    for run_id, split in sources:
        if captures := _read(warehouse, run_id, split, run["model_name"]):
            return captures
    return None


def _read(warehouse: Warehouse, run_id: str, split: str, model: str) -> Captures | None:
    rows = warehouse.query(CAPTURES, (run_id, split)).to_pylist()
    found = {name: _estimates(rows, name) for name in (model, *SIMPLE_RULES)}
    if not any(item.value is not None for item in found[model]):
        return None
    is_backtest = split != LAST_YEAR_OUT
    origins = warehouse.query(ORIGINS, (run_id, f"{ROLLING}_origin" if is_backtest else split))
    kind = MAINS.models.get(model)
    return Captures(
        label=kind.label if kind else model,
        origins=tuple(row["as_of_date"] for row in origins.to_pylist()),
        is_backtest=is_backtest,
        breaks=rows[0]["break_count"],
        by_ranking=found,
    )


def _estimates(rows: Iterable[Mapping], model: str) -> list[Estimate]:
    by_metric = {row["metric"]: row for row in rows if row["model_name"] == model}
    return [
        Estimate(row["value"], row["lower_95"], row["upper_95"])
        if (row := by_metric.get(f"capture_at_{share}_length"))
        else Estimate(None)
        for share in SHARE_NAMES
    ]
