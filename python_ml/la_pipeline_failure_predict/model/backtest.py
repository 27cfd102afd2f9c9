"""Rolling origins: fit every model as it would have been then, and judge what it predicted."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from numpy.typing import NDArray

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model import registry
from la_pipeline_failure_predict.model.backtest_config import BacktestConfig
from la_pipeline_failure_predict.model.candidates import BreakModel
from la_pipeline_failure_predict.model.champion import Champion, choose, only
from la_pipeline_failure_predict.model.data import (
    Frame,
    day_number,
    sql_date,
)
from la_pipeline_failure_predict.model.evaluate import Metric, Ranked, Test
from la_pipeline_failure_predict.model.features import Features
from la_pipeline_failure_predict.model.folds import Fold, Folds, make_folds
from la_pipeline_failure_predict.model.grains import Grain
from la_pipeline_failure_predict.model.judges import pooled
from la_pipeline_failure_predict.model.metrics import observed_over_expected
from la_pipeline_failure_predict.model.oracle import ORACLE, Oracle
from la_pipeline_failure_predict.model.registry import library_versions
from la_pipeline_failure_predict.model.spatial_blocks import Blocks, read_blocks
from la_pipeline_failure_predict.model.train import (
    complete_periods,
    describe_model,
    feature_columns,
    fit_rows,
    predict_rows,
    read_sampled,
)
from la_pipeline_failure_predict.warehouse.base import Warehouse

ROLLING, HELD_BACK, SPATIAL = "rolling", "held_back", "spatial_blocks"
FROZEN = "observed_over_expected_frozen"

Split = tuple[str, date, list[Metric]]


@dataclass(frozen=True)
class BacktestResult:
    """What a backtest found.

    Attributes
    ----------
    splits
        Name of the split, first period of its test, and its figures.
    pooled
        The rows of the development origins by segment, for curves; empty for areas.
    rule
        The strongest simple rule; gains are measured against it.
    held_back_uses
        How often the held-back origins have been looked at, including this time; 0 if never.
    spatial_note
        What the spatial report is based on, or why there is none.
    has_truth
        Whether the true hazard of a synthetic network was ranked beside the models.
    """

    backtest_id: str
    grain: Grain
    folds: Folds
    champion: Champion
    rule: str
    models: tuple[BreakModel, ...]
    baselines: tuple[BreakModel, ...]
    config: BacktestConfig
    splits: tuple[Split, ...]
    pooled: Mapping[str, Sequence[Ranked]]
    held_back_uses: int
    spatial_note: str
    seconds: float
    has_truth: bool = False

    def split(self, name: str) -> list[Metric]:
        """Return the figures of a split; none if it was not made."""
        return [item for split, _, listed in self.splits if split == name for item in listed]


@dataclass(frozen=True)
class Origin:
    """One fold with what each model expected of its test rows."""

    fold: Fold
    test: Test


def backtest(
    warehouse: Warehouse,
    features: Features,
    config: BacktestConfig,
    *,
    final: bool = False,
    truth: Oracle | None = None,
    progress: Callable[[int, int, str], None],
    batch_rows: int = 200_000,
) -> BacktestResult:
    """Judge candidates and rules on rolling origins, choose the champion, and write both.

    Parameters
    ----------
    features
        What the grain's models may read.
    final
        Also look at the held-back origins. The champion is still chosen on the others, and each
        look is recorded.
    truth
        True hazard of a synthetic network, to say what share of its capture the models reach. No
        model sees it, and it does not affect which model becomes champion.
    progress
        Called with fits begun, fits in all (0 where a step is not counted) and the step.

    Raises
    ------
    UserError
        If the mart is missing, has no complete labels or breaks, or too short a record, or the
        true hazard is of another network.
    """
    started = time.perf_counter()
    grain, mart = features.grain, features.grain.mart
    if config.attributes:
        features = features.with_attributes(warehouse)
    models, baselines = config.make(features)
    numbers, levels = feature_columns(features, [*models, *baselines])
    periods = complete_periods(warehouse, grain, None)
    folds = make_folds(mart, [period.day for period in periods], config)
    last = (*folds.development, *(folds.held_back if final else ()))[-1].test[-1]
    where = f"{mart.usable} and {mart.period} <= {sql_date(last)}"
    parameters: dict[str, object] = {
        "config": config.model_dump(mode="json"),
        "models": {model.name: describe_model(model) for model in (*models, *baselines)},
        "final": final,
        "data": registry.fingerprint(warehouse, mart, numbers, levels, where),
    }
    if truth:
        parameters["truth"] = truth.digest
    frame = read_sampled(
        warehouse,
        mart,
        numbers,
        levels,
        where,
        [period for period in periods if period.day <= last],
        whole_from=folds.development[0].origin,
        seed=config.seed,
        max_rows=config.max_training_rows,
        batch_rows=batch_rows,
    )
    progress(0, 0, f"read {frame.rows:,} rows of {mart.name}")
    harness = _Harness(grain, frame, models, baselines, config, truth, progress)
    looked_at = (folds.development, folds.held_back if final else ())
    harness.expect_fits(sum(map(len, looked_at)))
    development, held_back = ([harness.predict(fold) for fold in some] for some in looked_at)
    rule, champion = harness.decide(development)
    spatial, note = _spatial(warehouse, harness, folds, rule)
    splits = (
        *harness.splits(ROLLING, development, rule),
        *(harness.splits(HELD_BACK, held_back, rule) if held_back else ()),
        *spatial,
    )
    result = BacktestResult(
        backtest_id=registry.run_name(grain, "backtest", last, parameters),
        grain=grain,
        folds=folds,
        champion=champion,
        rule=rule,
        models=tuple(models),
        baselines=tuple(baselines),
        config=config,
        splits=splits,
        pooled=pooled([origin.test for origin in development]),
        held_back_uses=_uses(warehouse, grain, folds) + 1 if final else 0,
        spatial_note=note,
        seconds=time.perf_counter() - started,
        has_truth=truth is not None,
    )
    _write(warehouse, result, parameters)
    return result


class _Harness:
    """Fits and judges the models of one backtest."""

    def __init__(
        self,
        grain: Grain,
        frame: Frame,
        models: Sequence[BreakModel],
        baselines: Sequence[BreakModel],
        config: BacktestConfig,
        truth: Oracle | None,
        progress: Callable[[int, int, str], None],
    ) -> None:
        self.grain, self.mart, self.frame, self.config = grain, grain.mart, frame, config
        self.truth = truth
        self.models, self.baselines, self.progress = models, baselines, progress
        self.fits, self.done = 0, 0
        self.first_fits: dict[str, BreakModel] = {}
        self.frozen: dict[date, dict[str, float]] = {}

    def expect_fits(self, times: int) -> None:
        """Count from here how many times, out of so many, every model has been fitted."""
        self.fits, self.done = times * len((*self.models, *self.baselines)), 0

    def begin_fit(self, what: str) -> None:
        """Report a fit before it takes its time."""
        self.progress(self.done, self.fits, what)
        self.done += 1

    def predict(self, fold: Fold) -> Origin:
        """Fit every model as of an origin and rank its test rows."""
        train = self.training_rows(fold)
        if not self.frame.numbers[self.mart.label][train].any():
            raise UserError(
                f"There are no breaks before the origin {fold.origin}: name a later first_origin "
                "in the configuration, or load an older record of breaks."
            )
        tested = self.frame.take(self.test_rows(fold))
        expected = {ORACLE: self.truth.expected(tested)} if self.truth else {}
        for model in (*self.models, *self.baselines):
            self.begin_fit(f"{fold.origin:%Y-%m-%d}: {model.label}, {train.size:,} rows")
            fitted = fit_rows(model, self.frame, self.mart, train)
            self.first_fits.setdefault(model.name, fitted)
            expected[model.name] = predict_rows(fitted, tested, self.mart)
        self.frozen[fold.origin] = {
            model.name: float(predict_rows(self.first_fits[model.name], tested, self.mart).sum())
            for model in self.models
        }
        test = Test(fold.origin, tested, expected)
        return Origin(fold, self.grain.judge.prepare(test, self.config.seed))

    def training_rows(self, fold: Fold) -> NDArray[np.intp]:
        """Return the positions of the rows that an origin may learn from."""
        last = day_number(fold.train[-1])
        return np.flatnonzero((self.frame.period <= last) & (self.frame.weight > 0))

    def test_rows(self, fold: Fold) -> NDArray[np.intp]:
        """Return the positions of the rows that an origin predicts."""
        first, last = day_number(fold.test[0]), day_number(fold.test[-1])
        return np.flatnonzero((self.frame.period >= first) & (self.frame.period <= last))

    def decide(self, origins: Sequence[Origin]) -> tuple[str, Champion]:
        """Return the strongest simple rule and the champion."""
        tests = [origin.test for origin in origins]
        shares, drawn = self.config.decision_shares, self._drawn
        rule = self.grain.judge.strongest_rule(tests, shares, **drawn)
        ranked = pooled(tests).get("all")
        if len(self.models) == 1 or ranked is None:
            return rule, only(self.models[0])
        champion = choose(
            self.models,
            ranked,
            shares,
            ratio_band=self.config.ratio_band,
            slope_band=self.config.slope_band,
            **drawn,
        )
        return rule, champion

    def judge(self, origins: Sequence[Origin], rule: str) -> list[Metric]:
        """Return the figures of some origins together."""
        return self.grain.judge.judge([origin.test for origin in origins], rule, **self._drawn)

    @property
    def _drawn(self) -> dict[str, int]:
        """How intervals are drawn."""
        return {"resamples": self.config.resamples, "seed": self.config.seed}

    def splits(self, name: str, origins: Sequence[Origin], rule: str) -> list[Split]:
        """Return the figures of each origin and of all together."""
        self.progress(0, 0, f"judging {len(origins)} {name.replace('_', '-')} origins")
        together = self.judge(origins, rule)
        tests = [origin.test for origin in origins]
        together += self.grain.judge.by_group(tests, [model.name for model in self.models])
        each = [
            (f"{name}_origin", origin.fold.origin, self.judge([origin], rule) + self._decay(origin))
            for origin in origins
        ]
        return [(f"{name}_pooled", origins[0].fold.origin, together), *each]

    def _decay(self, origin: Origin) -> list[Metric]:
        """Return observed over expected of the first origin's fits, never refitted since."""
        breaks = origin.test.frame.numbers[self.mart.label].astype(np.float64)
        return [
            Metric(
                name,
                "all",
                FROZEN,
                observed_over_expected(np.array([expected]), np.array([breaks.sum()])),
                breaks.size,
                int(breaks.sum()),
            )
            for name, expected in self.frozen[origin.fold.origin].items()
        ]


def _spatial(
    warehouse: Warehouse, harness: _Harness, folds: Folds, rule: str
) -> tuple[list[Split], str]:
    """Judge the candidates on blocks whose breaks they have never seen."""
    config = harness.config.spatial
    if config is None:
        return [], "not asked for"
    blocks = read_blocks(warehouse, config, harness.config.seed)
    if blocks is None:
        return [], "no report: mains have no location, or lie in fewer blocks than folds"
    chosen = folds.development[-config.origins :]
    harness.expect_fits(len(chosen) * config.folds)
    origins = [_held_out(harness, fold, blocks, config.folds) for fold in chosen]
    note = (
        f"{blocks.blocks} blocks of {config.block_m:g} m in {config.folds} folds, origins "
        f"{chosen[0].origin} to {chosen[-1].origin}; mains without a location are left out"
    )
    return [(SPATIAL, chosen[0].origin, harness.judge(origins, rule))], note


def _held_out(harness: _Harness, fold: Fold, blocks: Blocks, folds: int) -> Origin:
    """Predict each block with fits that have seen none of its mains."""
    train, test = harness.training_rows(fold), harness.test_rows(fold)
    train_fold = blocks.fold_of(harness.frame.take(train))
    test_fold = blocks.fold_of(harness.frame.take(test))
    test, test_fold = test[test_fold >= 0], test_fold[test_fold >= 0]
    tested = harness.frame.take(test)
    expected = {model.name: np.zeros(test.size) for model in (*harness.models, *harness.baselines)}
    for number in range(folds):
        rows = np.flatnonzero(test_fold == number)
        if not rows.size:
            continue
        part = tested.take(rows)
        for model in (*harness.models, *harness.baselines):
            harness.begin_fit(f"{fold.origin:%Y-%m-%d}: {model.label}, block fold {number + 1}")
            fitted = fit_rows(model, harness.frame, harness.mart, train[train_fold != number])
            expected[model.name][rows] = predict_rows(fitted, part, harness.mart)
    held = Test(fold.origin, tested, expected)
    return Origin(fold, harness.grain.judge.prepare(held, harness.config.seed))


def _uses(warehouse: Warehouse, grain: Grain, folds: Folds) -> int:
    """Return how often one of the held-back origins has been looked at already."""
    if not folds.held_back:
        return 0
    sql = (
        f"select max(held_back_uses) from {warehouse.full_name('backtests')} "
        "where grain = $1 and is_final and last_origin >= $2"
    )
    found = warehouse.scalar(sql, (grain.name, folds.held_back[0].origin))
    return int(str(found)) if found is not None else 0


def _write(
    warehouse: Warehouse,
    result: BacktestResult,
    parameters: Mapping[str, object],
) -> None:
    """Write the backtest and its figures in one transaction; the same one is replaced."""
    now = datetime.now(UTC).replace(tzinfo=None)
    looked_at = (*result.folds.development, *result.folds.held_back)
    if not result.held_back_uses:
        looked_at = result.folds.development
    held_back = result.folds.held_back
    row = {
        "backtest_id": result.backtest_id,
        "grain": result.grain.name,
        "first_origin": looked_at[0].origin,
        "last_origin": looked_at[-1].origin,
        "origin_count": len(looked_at),
        "is_final": bool(result.held_back_uses),
        "held_back_from": held_back[0].origin if held_back else None,
        "held_back_uses": result.held_back_uses,
        "strongest_rule": result.rule,
        "champion": result.champion.name,
        "champion_reason": result.champion.reason,
        "parameters": json.dumps(parameters, sort_keys=True, default=str),
        "library_versions": json.dumps(library_versions(), sort_keys=True),
        "ran_at": now,
    }
    figures = registry.metric_rows(result.backtest_id, result.splits, now)
    with warehouse.transaction():
        for name, key in (("backtests", "backtest_id"), ("model_metrics", "run_id")):
            warehouse.execute(
                f"delete from {warehouse.full_name(name)} where {key} = $1",
                (result.backtest_id,),
            )
        for name, rows in (("backtests", [row]), ("model_metrics", figures)):
            warehouse.append(warehouse.table(name), registry.reader_of(warehouse.table(name), rows))
