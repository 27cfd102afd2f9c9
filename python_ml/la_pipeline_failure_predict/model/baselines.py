"""The simple rules that a model has to beat."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from la_pipeline_failure_predict.model.data import Frame, spread, uniform
from la_pipeline_failure_predict.model.metrics import Doubles, Ranking, rank

PAST_BREAKS = "past_breaks_per_km"
PIPE_RULES = (PAST_BREAKS, "age", "length", "random")
SAME_MONTH, LAST_YEAR = "same_month_mean", "last_12_months_rate"
AREA_RULES = (SAME_MONTH, LAST_YEAR)


def pipe_rankings(frame: Frame, rows: NDArray[np.intp], seed: int) -> Mapping[str, Ranking]:
    """Return how simple rules rank mains for renewal.

    ``past_breaks_per_km`` goes by recorded breaks over length, ties by age, the oldest first: most
    mains have no break, and a crew would not choose among them at random. ``age`` takes the oldest
    first, unknown ages last; ``length`` the longest first; ``random`` any.
    """
    length = frame.numbers["length_m"][rows].astype(np.float64)
    age = frame.numbers["age_years"][rows].astype(np.float64)
    breaks = frame.numbers["breaks_ever"][rows].astype(np.float64)
    return {
        PAST_BREAKS: rank(breaks / length, age),
        "age": rank(age),
        "length": rank(length),
        "random": rank(_drawn(frame, rows, seed)),
    }


def _drawn(frame: Frame, rows: NDArray[np.intp], seed: int) -> Doubles:
    """Return a random number for each row; by main where known, not by the order of the rows."""
    if not frame.entity.size:
        return np.random.default_rng(seed).random(rows.size)
    # Salted, so that it differs from the number by which rows are sampled.
    salt = np.uint64(seed + 1_000_003)
    mixed = frame.entity[rows] ^ spread(frame.period[rows].astype(np.uint64) + salt)
    return uniform(mixed)


def position_score(ranking: Ranking) -> Doubles:
    """Return a score that orders rows as a ranking does, equal within ties, shape (rows,)."""
    score = np.empty(ranking.order.size)
    score[ranking.order] = -np.searchsorted(ranking.ends, np.arange(score.size)).astype(np.float64)
    return score


def area_expectations(frame: Frame, rows: NDArray[np.intp]) -> Mapping[str, Doubles]:
    """Return the breaks that simple rules expect of each area and month, shape (rows,).

    ``same_month_mean`` is the mean of the same month of earlier years, or the monthly mean so far
    in an area's first year; ``last_12_months_rate`` a twelfth of the last twelve months' breaks.
    A rule that has seen no break expects half a break over the time it looked at: an expectation
    of 0 would be infinitely wrong at the first break.
    """
    numbers = {
        name: frame.numbers[name][rows].astype(np.float64)
        for name in ("same_month_mean", "months_observed", "breaks_ever", "breaks_prior_12m")
    }
    months = np.maximum(numbers["months_observed"], 1.0)
    so_far = np.maximum(numbers["breaks_ever"], 0.5) / months
    same_month = np.maximum(numbers["same_month_mean"], 0.5 / np.maximum(np.floor(months / 12), 1))
    return {
        SAME_MONTH: np.where(np.isnan(same_month), so_far, same_month),
        LAST_YEAR: np.maximum(numbers["breaks_prior_12m"], 0.5) / np.minimum(months, 12.0),
    }
