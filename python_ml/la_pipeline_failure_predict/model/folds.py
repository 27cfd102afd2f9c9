"""Which periods each origin of a backtest trains on and which it predicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.backtest_config import BacktestConfig
from la_pipeline_failure_predict.model.data import Mart, add_months


@dataclass(frozen=True)
class Fold:
    """One origin.

    Attributes
    ----------
    origin
        The day from which is predicted.
    train
        Periods whose labels had all ended `gap_months` before it, oldest first.
    test
        Periods predicted, oldest first.
    """

    origin: date
    train: tuple[date, ...]
    test: tuple[date, ...]


@dataclass(frozen=True)
class Folds:
    """The origins that models are chosen on, and the last ones, held back for `--final`."""

    development: tuple[Fold, ...]
    held_back: tuple[Fold, ...]


def make_folds(mart: Mart, days: Sequence[date], config: BacktestConfig) -> Folds:
    """Place the origins.

    Parameters
    ----------
    days
        Periods with complete labels, oldest first.

    Raises
    ------
    UserError
        If the record is too short for one origin beside those held back.
    """
    first = config.first_origin or add_months(
        days[0], config.least_training_months + config.gap_months
    )
    folds: list[Fold] = []
    origin = first
    while origin <= days[-1]:
        fold = _fold(mart, days, config, origin)
        if fold.train and fold.test:
            folds.append(fold)
        origin = add_months(origin, config.origin_every_months)
    kept = len(folds) - config.held_back_origins
    if kept < 1:
        raise UserError(
            f"The record is too short: {len(days)} periods of {mart.name} from {days[0]} to "
            f"{days[-1]} give {len(folds)} origins from {first} on, of which the last "
            f"{config.held_back_origins} are held back. Lower least_training_months or "
            "held_back_origins in the configuration."
        )
    return Folds(tuple(folds[:kept]), tuple(folds[kept:]))


def _fold(mart: Mart, days: Sequence[date], config: BacktestConfig, origin: date) -> Fold:
    end = add_months(origin, config.test_months)
    limit = add_months(origin, -config.gap_months)
    return Fold(
        origin=origin,
        train=tuple(day for day in days if mart.label_end(day) <= limit),
        test=tuple(day for day in days if origin <= day and mart.label_end(day) <= end),
    )
