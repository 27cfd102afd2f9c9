"""Which candidate is trained: the simplest calibrated one that no other beats significantly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model import metrics
from la_pipeline_failure_predict.model.candidates import BreakModel
from la_pipeline_failure_predict.model.evaluate import Ranked, paired_gain
from la_pipeline_failure_predict.model.grains import Grain
from la_pipeline_failure_predict.model.stored import StoredBacktest, read_stored
from la_pipeline_failure_predict.warehouse.base import Warehouse, full_name

# Lowest and highest value of a figure; None where there is no limit.
Band = tuple[float | None, float | None]


@dataclass(frozen=True)
class Champion:
    """A candidate, why it is the one, and parameters it was judged with that are not defaults."""

    name: str
    reason: str
    parameters: Mapping[str, object] = field(default_factory=dict)


def choose(
    candidates: Sequence[BreakModel],
    ranked: Sequence[Ranked],
    shares: Sequence[float],
    *,
    ratio_band: Band,
    slope_band: Band,
    resamples: int,
    seed: int,
) -> Champion:
    """Choose on the origins that are not held back.

    Candidates whose observed over expected or calibration slope lies outside its band are left out,
    unless all are: a plan adds their numbers up. Of the others one is beaten where
    the 95 % interval of another's gain in capture, paired on the same resamples, lies above 0 at
    one of the shares. Of those that nothing beats the simplest is taken; if each is beaten by some
    other, the one that catches most on average.
    """
    every = sorted(candidates, key=lambda model: (model.complexity, model.name))
    faults = {
        model.name: _miscalibrated(ranked, model.name, ratio_band, slope_band) for model in every
    }
    kept = [model for model in every if not faults[model.name]] or every
    positions = [metrics.SHARES.index(share) for share in shares]
    beaten = {
        one.name: [
            text
            for other in kept
            if other is not one
            for text in _wins(ranked, other.name, one.name, positions, resamples, seed)
        ]
        for one in kept
    }
    notes = [f"{name} is out of calibration ({text})" for name, text in faults.items() if text]
    notes += [f"{name} is beaten by {', '.join(by)}" for name, by in beaten.items() if by]
    at = " and ".join(f"{100 * share:g} %" for share in shares)
    unbeaten = [model for model in kept if not beaten[model.name]]
    if unbeaten:
        name = unbeaten[0].name
        reason = (
            f"the simplest of {', '.join(model.name for model in kept)} that none beats "
            f"significantly at {at} of length over {len(ranked)} origins"
        )
    else:
        name = max(kept, key=lambda model: _mean_capture(ranked, model.name, positions)).name
        reason = f"each is beaten at {at} of length, and it catches most over {len(ranked)} origins"
    return Champion(name, "; ".join([reason, *notes]))


def _miscalibrated(ranked: Sequence[Ranked], name: str, ratio_band: Band, slope_band: Band) -> str:
    """Say which figure of a model is outside its band; empty when none is."""
    expected = np.concatenate([item.expected[name] for item in ranked])
    breaks = np.concatenate([item.breaks for item in ranked])
    checked = (
        ("observed/expected", metrics.observed_over_expected(expected, breaks).value, ratio_band),
        ("slope", metrics.calibration_slope(expected, breaks).value, slope_band),
    )
    return ", ".join(
        f"{figure} {value:.2f}"
        for figure, value, (least, most) in checked
        if value is not None
        and ((least is not None and value < least) or (most is not None and value > most))
    )


def _wins(
    ranked: Sequence[Ranked],
    one: str,
    other: str,
    positions: Sequence[int],
    resamples: int,
    seed: int,
) -> list[str]:
    """Say where one model catches significantly more than another."""
    gains = paired_gain(ranked, one, other, resamples=resamples, seed=seed)
    return [
        f"{one} by {gain.value:.3f} ({gain.lower:.3f} to {gain.upper:.3f}) "
        f"at {100 * metrics.SHARES[position]:g} %"
        for position, gain in enumerate(gains)
        if position in positions and gain.lower is not None and gain.lower > 0
    ]


def _mean_capture(ranked: Sequence[Ranked], name: str, positions: Sequence[int]) -> float:
    caught = sum((item.counts @ item.parts[name])[list(positions)].sum() for item in ranked)
    return float(caught)


def only(candidate: BreakModel) -> Champion:
    """Return the champion where there is one candidate."""
    return Champion(candidate.name, "the only candidate")


def read_champion(warehouse: Warehouse, grain: Grain) -> Champion:
    """Return the champion of the newest backtest, or the default before there is one."""
    table = warehouse.table("backtests")
    if warehouse.has_table(table.schema, table.name):
        sql = (
            f"select backtest_id, champion, champion_reason, parameters from {full_name(table)} "
            "where grain = $1 order by ran_at desc, backtest_id limit 1"
        )
        rows = warehouse.query(sql, (grain.name,)).to_pylist()
        if rows:
            fix = (
                "delete from ml.backtests where "
                f"backtest_id = '{rows[0]['backtest_id']}', then run la-pipes backtest."
            )
            (newest,) = read_stored(StoredBacktest, rows, fix)
            if newest.champion not in grain.candidates:
                raise UserError(
                    f"Backtest {newest.backtest_id} names the champion {newest.champion!r}, which "
                    f"is none of {', '.join(grain.candidates)}: {fix}"
                )
            reason = f"champion of {newest.backtest_id}: {newest.champion_reason}"
            judged = newest.parameters.config.models
            return Champion(newest.champion, reason, judged.get(newest.champion, {}))
    return Champion(grain.default_model, "the default: no backtest has been run in this warehouse")
