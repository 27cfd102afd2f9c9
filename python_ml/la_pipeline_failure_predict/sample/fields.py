"""Random numbers with structure: smooth in space, or in exact proportions."""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

_WAVES = 64


def smooth_field(
    rng: np.random.Generator, points_m: npt.NDArray[np.float64], range_m: float
) -> npt.NDArray[np.float64]:
    """Gaussian random field with squared-exponential correlation, mean 0, variance 1.

    Random Fourier features (Rahimi and Recht, NeurIPS 2007).

    Parameters
    ----------
    points_m : array, shape (n, 2)
    range_m : float
        Distance at which the correlation is exp(-1/2).

    Returns
    -------
    array, shape (n,)
    """
    waves = rng.normal(0, 1 / range_m, (_WAVES, 2))
    phases = rng.uniform(0, 2 * np.pi, _WAVES)
    origin = points_m.mean(axis=0)
    total = np.zeros(len(points_m))
    for wave, phase in zip(waves, phases, strict=True):
        total += np.cos((points_m - origin) @ wave + phase)
    return total * np.sqrt(2 / _WAVES)


def standard_normal_quantiles(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Quantiles of the standard normal distribution, shape as `p`."""
    normal = NormalDist()
    return np.array([normal.inv_cdf(value) for value in p])


def allot(
    rng: np.random.Generator,
    weights: npt.NDArray[np.float64],
    shares: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """Deal items into classes so that each class gets its share of the weight, within one item.

    Parameters
    ----------
    weights : array, shape (n,)
    shares : array, shape (classes,)
        Adds up to 1.

    Returns
    -------
    array, shape (n,)
        Class of each item; the order of the items does not matter.
    """
    shuffled = rng.permutation(len(weights))
    ordered = weights[shuffled]
    total = ordered.sum()
    position = (np.cumsum(ordered) - ordered / 2) / (total if total > 0 else 1.0)
    classes = np.empty(len(weights), dtype=np.int64)
    classes[shuffled] = np.searchsorted(np.cumsum(shares)[:-1], position)
    return classes


def systematic_counts(
    expected: npt.NDArray[np.float64], phase: float
) -> tuple[npt.NDArray[np.int64], float]:
    """Draw whole counts whose sum over any run of items is within one of the expected sum.

    With a uniform first phase each count has its expectation (Madow and Madow, Ann. Math. Stat.
    15, 1944).

    Parameters
    ----------
    expected : array, shape (n,)
        Expected counts in the order to be sampled.
    phase : float
        Where the last sample stopped, in [0, 1).

    Returns
    -------
    counts : array, shape (n,)
    phase : float
        Where this sample stopped.
    """
    reached = phase + np.cumsum(expected)
    counts = np.diff(np.floor(reached), prepend=np.floor(phase)).astype(np.int64)
    return counts, float(reached[-1] % 1) if len(reached) else phase
