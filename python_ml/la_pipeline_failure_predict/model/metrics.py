"""Figures by which break models are judged.

`length` stands for whatever a plan is measured in; breaks are counts within the horizon.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import average_precision_score, mean_poisson_deviance, roc_auc_score

from la_pipeline_failure_predict.model.poisson_glm import PoissonGLM

Doubles = NDArray[np.float64]

SHARES = (0.005, 0.01, 0.05, 0.1, 0.2)
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
    weight: NDArray[np.floating] | None = None,
) -> Doubles:
    """Return the share of breaks on the riskiest share of the length, shape (shares,).

    Renewal takes rows in order until the length is used up. The row that crosses the cut-off counts
    by the part of it that fits. Tied rows are renewed in random order: a group of ties that crosses
    it counts by the part of its length that fits, the mean over all orders up to the width of one
    row. A ranking that ties everything so catches exactly the share of the length.

    Parameters
    ----------
    length, breaks
        Length and breaks of each row, shape (rows,).
    weight
        How often each row counts, shape (rows,), as in a bootstrap resample; 1 when None.

    Returns
    -------
    ndarray
        NaN without a break or without length.
    """
    along = length if weight is None else length * weight
    counts = breaks if weight is None else breaks * weight
    return _captured(along[ranking.order], counts[ranking.order], ranking.ends, shares)


def _captured(
    length: NDArray[np.floating],
    breaks: NDArray[np.floating],
    ends: NDArray[np.intp],
    shares: Sequence[float],
) -> Doubles:
    """Return the capture of rows that are in order."""
    along = np.cumsum(length, dtype=np.float64)[ends]
    caught = np.cumsum(breaks, dtype=np.float64)[ends]
    if not (along.size and along[-1] > 0 and caught[-1] > 0):
        return np.full(len(shares), np.nan)
    along, caught = np.concatenate([[0.0], along]), np.concatenate([[0.0], caught])
    found: Doubles = np.interp(np.asarray(shares) * along[-1], along, caught) / caught[-1]
    return found


def bootstrap_capture(
    rankings: Mapping[str, Ranking],
    length: NDArray[np.floating],
    breaks: NDArray[np.floating],
    shares: Sequence[float] = SHARES,
    *,
    resamples: int = 200,
    seed: int = 1,
) -> dict[str, Doubles]:
    """Return each ranking's capture on the same resamples of rows, shape (resamples, shares).

    Rows are drawn with replacement (Efron & Tibshirani 1993, *An Introduction to the Bootstrap*);
    because every ranking sees the same draws, differences between them are paired.
    """
    generator = np.random.default_rng(seed)
    rows = length.size
    found = {name: np.full((resamples, len(shares)), np.nan) for name in rankings}
    in_order = {
        name: (length[ranking.order], breaks[ranking.order]) for name, ranking in rankings.items()
    }
    for resample in range(resamples):
        drawn = generator.integers(0, rows, rows, dtype=np.int32)
        weight = np.bincount(drawn, minlength=rows).astype(np.float64)
        for name, ranking in rankings.items():
            weighted = weight[ranking.order]
            sizes, counts = in_order[name]
            found[name][resample] = _captured(
                sizes * weighted, counts * weighted, ranking.ends, shares
            )
    return found


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
    column = (log_expected - log_expected.mean())[:, None]
    model = PoissonGLM(penalty=0.0, tolerance=1e-7).fit(
        column, breaks[scored], exposure=expected[scored]
    )
    fitted = model.predict(column, exposure=expected[scored])
    mean = float((fitted * column[:, 0]).sum() / fitted.sum())
    information = float((fitted * (column[:, 0] - mean) ** 2).sum())
    slope, reach = 1 + float(model.coef_[0]), 1.959963984540054 / np.sqrt(information)
    return Estimate(slope, float(slope - reach), float(slope + reach))


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


def bootstrap_mean(parts: Doubles, *, resamples: int = 200, seed: int = 1) -> Estimate:
    """Return the mean of rows and the middle 95 % of its bootstrap."""
    generator = np.random.default_rng(seed)
    means = np.empty(resamples)
    for resample in range(resamples):
        means[resample] = parts[generator.integers(0, parts.size, parts.size)].mean()
    return Estimate(float(parts.mean()), *interval(means))
