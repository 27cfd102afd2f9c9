"""Figures by which break models are judged.

`length` stands for whatever a plan is measured in; breaks are counts within the horizon.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import average_precision_score, mean_poisson_deviance, roc_auc_score

Doubles = NDArray[np.float64]

SHARES = (0.005, 0.01, 0.05, 0.1, 0.2)
SLOPE_STEPS = 50
SHARE_NAMES = ("0_5pct", "1pct", "5pct", "10pct", "20pct")


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; None where it is not defined or not computed."""

    value: float | None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class Ranking:
    """Rows from the riskiest on.

    Attributes
    ----------
    order
        Positions of the rows, shape (rows,).
    ends
        Position in `order` of the last row of each group of ties, shape (groups,).
    """

    order: NDArray[np.intp]
    ends: NDArray[np.intp]


def rank(*keys: NDArray[np.floating]) -> Ranking:
    """Rank rows by keys, highest first; later keys break ties of earlier ones, NaN comes last."""
    filled = [np.where(np.isnan(key), -np.inf, key) for key in keys]
    order = np.lexsort([-key for key in reversed(filled)])
    differs = np.zeros(order.size, dtype=bool)
    for key in filled:
        differs[1:] |= key[order][1:] != key[order][:-1]
    starts = np.flatnonzero(differs)
    ends = np.append(starts - 1, order.size - 1) if order.size else starts
    return Ranking(order, ends)


def capture(
    ranking: Ranking,
    length: NDArray[np.floating],
    breaks: NDArray[np.floating],
    shares: Sequence[float] = SHARES,
) -> Doubles:
    """Return the share of breaks on the riskiest shares of length, shape (shares,).

    Within a group of ties, length and breaks are taken in the same proportion, so the order of
    tied rows does not matter.

    Parameters
    ----------
    length, breaks
        In the order of the ranked rows, shape (rows,).

    Returns
    -------
    ndarray
        NaN without a break or without length.
    """
    at = np.flatnonzero(breaks > 0)
    if not at.size or not float(length.sum()) > 0:
        return np.full(len(shares), np.nan)
    counts = breaks[at].astype(np.float64)
    found: Doubles = counts @ taken_parts(ranking, length, at, shares) / counts.sum()
    return found


def taken_parts(
    ranking: Ranking,
    length: NDArray[np.floating],
    at: NDArray[np.intp],
    shares: Sequence[float] = SHARES,
) -> Doubles:
    """Return how much of each chosen row lies on the riskiest shares of length.

    Parameters
    ----------
    at
        Positions of the chosen rows, shape (chosen,).

    Returns
    -------
    ndarray
        From 0 to 1, shape (chosen, shares). Weighted by breaks, their mean is the capture.
    """
    ends = np.cumsum(length[ranking.order], dtype=np.float64)[ranking.ends]
    starts = np.concatenate([[0.0], ends[:-1]])
    place = np.empty(ranking.order.size, np.intp)
    place[ranking.order] = np.arange(ranking.order.size)
    group = np.searchsorted(ranking.ends, place[at])
    start, width = starts[group], np.maximum(ends - starts, 1e-300)[group]
    limits = np.asarray(shares) * ends[-1]
    parts: Doubles = np.clip((limits[None, :] - start[:, None]) / width[:, None], 0.0, 1.0)
    return parts


def above_rows_without_break(
    score: Doubles, breaks: NDArray[np.floating], at: NDArray[np.intp]
) -> Doubles:
    """Return the share of rows without a break that score below each chosen row; ties count half.

    The mean over the rows with a break is the AUC (Hanley & McNeil 1982, Radiology 143). NaN where
    every row has a break; shape (chosen,).
    """
    others = np.sort(score[breaks == 0])
    if not others.size:
        return np.full(at.size, np.nan)
    below = np.searchsorted(others, score[at], side="left")
    level = np.searchsorted(others, score[at], side="right")
    share: Doubles = (below + level) / (2.0 * others.size)
    return share


def resample(clusters: NDArray[np.generic], resamples: int, seed: int) -> Doubles:
    """Return how often each row is in each bootstrap resample, shape (resamples, rows).

    Clusters are drawn with replacement, their rows together (Efron & Tibshirani 1993, *An
    Introduction to the Bootstrap*, ch. 8). Every figure that is a mean over these rows follows by
    matrix product, and because all rankings see the same draws, their differences are paired.
    """
    if not clusters.size:
        return np.empty((resamples, 0))
    names, drawn = np.unique(clusters, return_inverse=True)
    generator = np.random.default_rng(seed)
    times = generator.multinomial(names.size, np.full(names.size, 1 / names.size), size=resamples)
    return times[:, drawn].astype(np.float64)


def weighted_means(weight: Doubles, values: Doubles) -> Doubles:
    """Return the mean of the values in each resample; NaN where nothing was drawn.

    `weight` has the shape (resamples, rows), `values` (rows,) or (rows, columns).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        total = weight.sum(axis=1)
        means: Doubles = ((weight @ values).T / total).T
    return means


def interval(values: Doubles) -> tuple[float | None, float | None]:
    """Return the middle 95 % of bootstrap values, shape (resamples,), leaving out NaN."""
    defined = values[~np.isnan(values)]
    if not defined.size:
        return None, None
    lower, upper = np.percentile(defined, [2.5, 97.5])
    return float(lower), float(upper)


def auc(score: Doubles, breaks: NDArray[np.floating]) -> Estimate:
    """Return the chance that a row with a break scores above one without; ties count half."""
    if not 0 < np.count_nonzero(breaks) < breaks.size:
        return Estimate(None)
    return Estimate(float(roc_auc_score(breaks > 0, score)))


def pr_auc(score: Doubles, breaks: NDArray[np.floating]) -> Estimate:
    """Return the average precision of finding the rows with a break."""
    if not 0 < np.count_nonzero(breaks) < breaks.size:
        return Estimate(None)
    return Estimate(float(average_precision_score(breaks > 0, score)))


def observed_over_expected(expected: Doubles, breaks: NDArray[np.floating]) -> Estimate:
    """Return observed over expected breaks with the exact Poisson interval of the observed.

    The interval is Garwood's (1936, "Fiducial limits for the Poisson distribution", Biometrika 28).
    """
    observed, total = float(breaks.sum()), float(expected.sum())
    if not total > 0:
        return Estimate(None)
    lower = stats.chi2.ppf(0.025, 2 * observed) / 2 if observed else 0.0
    upper = stats.chi2.ppf(0.975, 2 * observed + 2) / 2
    return Estimate(observed / total, float(lower) / total, float(upper) / total)


def calibration_slope(expected: Doubles, breaks: NDArray[np.floating]) -> Estimate:
    """Return the slope of log observed on log expected breaks, with its Wald interval.

    1 is right; below 1 the predictions are too extreme (Cox 1958, "Two further applications of a
    model for binary regression", Biometrika 45, here for counts).
    """
    scored = expected > 0
    log_expected = np.log(expected[scored])
    if not breaks[scored].sum() > 0 or np.ptp(log_expected) < 1e-9:
        return Estimate(None)
    column = log_expected - log_expected.mean()
    counts, base = breaks[scored].astype(np.float64), expected[scored].astype(np.float64)
    _, slope, information = _two_parameters(column, counts, base)
    reach = 1.959963984540054 / np.sqrt(information)
    return Estimate(1 + slope, float(1 + slope - reach), float(1 + slope + reach))


def _two_parameters(column: Doubles, counts: Doubles, base: Doubles) -> tuple[float, float, float]:
    """Return level, slope and information of the slope of ``counts ~ base * exp(l + s column)``.

    Newton's method on the Poisson likelihood, steps halved until it does not fall.
    """
    found = np.array([np.log(counts.sum() / base.sum()), 0.0])
    fitted = base * np.exp(found[0])
    value = float(counts @ (found[0] + found[1] * column) - fitted.sum())
    for _ in range(SLOPE_STEPS):
        missing = counts - fitted
        gradient = np.array([missing.sum(), missing @ column])
        if np.abs(gradient).max() < 1e-7 * counts.sum():
            break
        first, second = float(fitted @ column), float(fitted @ column**2)
        step = np.linalg.solve([[fitted.sum(), first], [first, second]], gradient)
        step *= min(1.0, 2.0 / float(np.abs(step).max()))
        for _ in range(SLOPE_STEPS):
            tried = found + step
            fitted = base * np.exp(tried[0] + tried[1] * column)
            reached = float(counts @ (tried[0] + tried[1] * column) - fitted.sum())
            if reached >= value:
                break
            step /= 2
        found, value = tried, reached
    mean = float(fitted @ column) / float(fitted.sum())
    information = float(fitted @ (column - mean) ** 2)
    return float(found[0]), float(found[1]), information


def brier_skill(expected: Doubles, breaks: NDArray[np.floating]) -> Estimate:
    """Return the Brier skill of ``1 - exp(-expected)`` against the share of rows with a break.

    0 is as good as the same probability for every row, 1 is perfect (Brier 1950; Murphy 1973).
    """
    happened = (breaks > 0).astype(np.float64)
    reference = float(np.mean((happened.mean() - happened) ** 2)) if happened.size else 0.0
    if not reference > 0:
        return Estimate(None)
    probability = -np.expm1(-expected)
    return Estimate(1 - float(np.mean((probability - happened) ** 2)) / reference)


def poisson_deviance(expected: Doubles, breaks: NDArray[np.floating]) -> Estimate:
    """Return the mean Poisson deviance of a row (McCullagh & Nelder 1989, section 2.3)."""
    if not expected.size or not (expected > 0).all():
        return Estimate(None)
    return Estimate(float(mean_poisson_deviance(breaks, expected)))


def deviance_parts(expected: Doubles, breaks: NDArray[np.floating]) -> Doubles:
    """Return each row's Poisson deviance, shape (rows,)."""
    ratio = np.where(breaks > 0, breaks, 1.0) / np.where(breaks > 0, expected, 1.0)
    parts: Doubles = 2 * (breaks * np.log(ratio) - breaks + expected)
    return parts
