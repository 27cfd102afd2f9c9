"""Which candidate is trained: the simplest that no other beats significantly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from la_pipeline_failure_predict.contracts.catalog import Table
from la_pipeline_failure_predict.model import metrics
from la_pipeline_failure_predict.model.candidates import BreakModel
from la_pipeline_failure_predict.model.data import Grain
from la_pipeline_failure_predict.model.evaluate import Seen, paired_gain
from la_pipeline_failure_predict.warehouse.base import Warehouse, full_name

# What is trained before a backtest has been run in this warehouse.
DEFAULTS: Mapping[Grain, str] = {"pipe": "empirical_bayes", "area_month": "poisson_glm"}


@dataclass(frozen=True)
class Champion:
    """A candidate and why it is the one."""

    name: str
    reason: str


def choose(
    candidates: Sequence[BreakModel],
    seen: Sequence[Seen],
    shares: Sequence[float],
    *,
    resamples: int,
    seed: int,
) -> Champion:
    """Choose on the origins that are not held back.

    A candidate is beaten where the 95 % interval of another's gain in capture, paired on the same
    resamples, lies above 0 at one of the shares. Of those that nothing beats the simplest is taken;
    if each is beaten by some other, the one that catches most on average.
    """
    simplest_first = sorted(candidates, key=lambda model: (model.complexity, model.name))
    positions = [metrics.SHARES.index(share) for share in shares]
    beaten_by: dict[str, list[str]] = {model.name: [] for model in candidates}
    for one in simplest_first:
        for other in simplest_first:
            if one is other:
                continue
            gains = paired_gain(seen, other.name, one.name, resamples=resamples, seed=seed)
            for position in positions:
                gain = gains[position]
                if gain.lower is not None and gain.lower > 0:
                    beaten_by[one.name].append(
                        f"{other.name} by {gain.value:.3f} ({gain.lower:.3f} to {gain.upper:.3f}) "
                        f"at {100 * metrics.SHARES[position]:g} % of length"
                    )
    at = " and ".join(f"{100 * share:g} %" for share in shares)
    why = "; ".join(f"{name} is beaten by {', '.join(by)}" for name, by in beaten_by.items() if by)
    for model in simplest_first:
        if not beaten_by[model.name]:
            reason = (
                f"the simplest of {', '.join(item.name for item in simplest_first)} that none "
                f"beats significantly at {at} of length, {len(seen)} origins"
            )
            return Champion(model.name, f"{reason}; {why}" if why else reason)
    best = max(candidates, key=lambda model: _mean_capture(seen, model.name, positions))
    return Champion(best.name, f"each is beaten at {at} of length, and it catches most; {why}")


def _mean_capture(seen: Sequence[Seen], name: str, positions: Sequence[int]) -> float:
    caught = sum((item.counts @ item.parts[name])[list(positions)].sum() for item in seen)
    return float(caught)


def only(candidate: BreakModel) -> Champion:
    """Return the champion where there is one candidate."""
    return Champion(candidate.name, "the only candidate")


def read_champion(warehouse: Warehouse, tables: Mapping[str, Table], grain: Grain) -> Champion:
    """Return the champion of the newest backtest, or the default before there is one."""
    table = tables["backtests"]
    if warehouse.has_table(table.schema, table.name):
        sql = (
            f"select backtest_id, champion, champion_reason from {full_name(table)} "
            "where grain = $1 order by ran_at desc, backtest_id limit 1"
        )
        rows = warehouse.query(sql, (grain,)).to_pylist()
        if rows:
            newest = rows[0]
            reason = f"champion of {newest['backtest_id']}: {newest['champion_reason']}"
            return Champion(newest["champion"], reason)
    return Champion(DEFAULTS[grain], "the default: no backtest has been run in this warehouse")
