"""Poisson GLM whose expectation the main's own record corrects: empirical Bayes, Gamma-Poisson."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from la_pipeline_failure_predict.model.candidates.base import (
    CoefficientModel,
    DesignModel,
    as_counts,
    as_exposure,
)
from la_pipeline_failure_predict.model.candidates.glm import DOUBLE_PRECISION_ROWS
from la_pipeline_failure_predict.model.data import Frame
from la_pipeline_failure_predict.model.design import (
    BLOCK_ROWS,
    Design,
    Doubles,
    Term,
    fit_terms,
    history_values,
    matrix,
)

# A main's own breaks, ever and recent, that the factor reads.
RECORD_COUNTS = ("breaks_ever", "breaks_prior_60m")
# Of the logs of shape, years and recency, and of the power: mean and precision of their normal
# priors. They matter if a record is too short; with a hundred breaks the data decide.
FACTOR_MEANS = np.append(np.log([1.0, 1.0, 0.5]), 0.5)
FACTOR_PRECISION = 1.0
# Expected breaks per year at which the shape is fitted: those of a main that a plan may hold.
TYPICAL_BREAKS = 0.02
LEAST_STEP = 1e-4
# So many rows take several seconds per step: steps are first taken on one row in ten.
LEAST_ROWS_TO_THIN = 200_000
THINNED_ROWS = 10
NEAR_ENOUGH = 1e-3
# The relative noise of a likelihood in single precision.
ROUNDING = 1e-9


@dataclass(frozen=True)
class History:
    """Each row's record: own breaks and years on record, ever and recent, shape (rows,)."""

    breaks: Doubles
    years: Doubles
    recent_breaks: Doubles
    recent_years: Doubles

    def block(self, rows: slice) -> "History":
        """Return some of the rows."""
        return History(
            self.breaks[rows], self.years[rows], self.recent_breaks[rows], self.recent_years[rows]
        )


class EmpiricalBayes(DesignModel, CoefficientModel):
    r"""Poisson GLM times a Gamma-Poisson factor of the main's own record.

    With ``m`` the GLM's expected breaks of a year, ``B`` the recorded breaks and ``T`` the years on
    record, breaks of the last five years counting ``1 + w`` times,

    .. math:: E[y] = m \frac{s + B}{s + k m T}, \qquad s = a m^p

    If a main's rate is ``m`` times a Gamma variable of mean 1 and shape ``s``, this is its mean
    given the record (Hauer 1997, *Observational Before-After Studies in Road Safety*, ch. 11; for
    mains the same idea is the Yule process of Le Gat 2014, Urban Water Journal 11). ``k`` is how
    much lower the rate was, on average, over the record than it is now. ``p`` says how the rates of
    similar mains differ: at 0 by the same share of their mean (the variance NB2), at 1 by less of
    it where it is high (NB1; Cameron and Trivedi 1986, Journal of Applied Econometrics 1). All
    parameters are fitted together by Fisher scoring of the penalized Poisson likelihood of the
    label.

    Parameters
    ----------
    design
        Terms of the GLM; the main's own record is not among them.
    penalty
        Precision of the normal prior of each of its coefficients but the intercept.
    recent_years
        Breaks of so many years count more; the mart's ``breaks_prior_60m`` are those of five.
    max_iterations, tolerance
        Scoring steps at most; they end when no entry of the gradient per break is larger.

    Attributes
    ----------
    shape_, power_, years_scale_, recency_
        ``a``, ``p``, ``k`` and ``w`` above.
    n_iter_
        Steps taken.

    Examples
    --------
    >>> prior = Design(levels=("material_group",), numbers=())
    >>> EmpiricalBayes(prior).get_params()["recent_years"]
    5.0
    """

    name: ClassVar[str] = "empirical_bayes"
    label: ClassVar[str] = "Empirical Bayes"
    complexity: ClassVar[int] = 3
    further_numbers = (*RECORD_COUNTS, "exposure_years")

    def __init__(
        self,
        design: Design,
        penalty: float = 3.0,
        recent_years: float = 5.0,
        max_iterations: int = 50,
        tolerance: float = 1e-6,
    ) -> None:
        self.design = design
        self.penalty = penalty
        self.recent_years = recent_years
        self.max_iterations = max_iterations
        self.tolerance = tolerance

    def fit(
        self,
        X: Frame,
        y: ArrayLike,
        exposure: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit coefficients and factor together; see `BreakModel.fit`."""
        counts, weight = as_counts(y, sample_weight, X.rows)
        size = as_exposure(exposure, X.rows)
        rows = np.arange(X.rows)
        terms = fit_terms(self.design, X, rows, counts, size * weight)
        shape_term, power_term, *record_terms = self._history_terms()
        ever, years, recent, share = (history_values(term, X, rows) for term in record_terms)
        history = History(ever, years, recent, share * self.recent_years)
        dtype = np.float64 if X.rows <= DOUBLE_PRECISION_ROWS else np.float32
        # One thread, for the reason that `DesignGLM.fit` gives.
        with threadpool_limits(limits=1):
            problem = _Problem(
                matrix(terms, X, rows, dtype), counts, size, weight, history, self.penalty
            )
            if X.rows >= LEAST_ROWS_TO_THIN:
                thinned = problem.every(THINNED_ROWS)
                problem.start, _ = thinned.solve(self.max_iterations, NEAR_ENOUGH)
            solved, self.n_iter_ = problem.solve(self.max_iterations, self.tolerance)
        columns = len(terms)
        shape, self.years_scale_, self.recency_ = np.exp(solved[columns:-1]).tolist()
        self.power_ = float(solved[-1])
        self.shape_ = float(shape * TYPICAL_BREAKS**-self.power_)
        self.terms_ = (*terms, shape_term, power_term, *record_terms)
        self.coefficients_ = (
            *solved[:columns].tolist(),
            self.shape_,
            self.power_,
            1.0,
            self.years_scale_,
            self.recency_,
            self.years_scale_ * self.recency_ * self.recent_years,
        )
        return self

    def _history_terms(self) -> tuple[Term, ...]:
        return (
            Term(None, "eb_shape"),
            Term(None, "eb_shape_power"),
            Term("breaks_ever", "eb_breaks"),
            Term("exposure_years", "eb_years"),
            Term("breaks_prior_60m", "eb_breaks"),
            Term("exposure_years", "eb_recent_years", scale=self.recent_years),
        )


class _Problem:
    """The penalized likelihood, its gradient and its Fisher information, block by block.

    Parameters are the intercept, the coefficients, the logs of shape (at `TYPICAL_BREAKS`), years
    and recency, and the power.
    """

    def __init__(
        self,
        design: NDArray[np.floating],
        counts: Doubles,
        exposure: Doubles,
        weight: Doubles,
        history: History,
        penalty: float,
    ) -> None:
        self.design = design
        self.counts = counts
        self.log_exposure = np.log(exposure)
        self.weight = weight
        self.history = history
        self.penalty = penalty
        self.total = float((counts * weight).sum())
        columns = design.shape[1]
        self.center = np.concatenate([np.zeros(1 + columns), FACTOR_MEANS])
        self.precision = np.concatenate(
            [[0.0], np.full(columns, penalty), np.full(FACTOR_MEANS.size, FACTOR_PRECISION)]
        )
        self.start = self.center.copy()
        self.start[0] = np.log(self.total / float((exposure * weight).sum()))

    def every(self, step: int) -> "_Problem":
        """Return the problem of one row in so many; its solution is near this one's."""
        some = slice(None, None, step)
        return _Problem(
            self.design[some],
            self.counts[some],
            np.exp(self.log_exposure[some]),
            self.weight[some],
            self.history.block(some),
            self.penalty,
        )

    def solve(self, max_iterations: int, tolerance: float) -> tuple[Doubles, int]:
        """Return the parameters and the steps taken."""
        found = self.start
        value, gradient, information = self._at(found)
        for iteration in range(1, max_iterations + 1):
            if np.abs(gradient).max() <= tolerance * self.total:
                return found, iteration - 1
            step = np.linalg.solve(information, gradient)
            # With the factor the likelihood is not concave: a step that lowers it is too long.
            length = min(1.0, 4.0 / float(np.abs(step).max()))
            least = value - ROUNDING * abs(value)
            trial = self._at(found + length * step)
            while not trial[0] >= least and length > LEAST_STEP:
                length /= 2
                trial = self._at(found + length * step)
            if not trial[0] >= least:
                return found, iteration
            found = found + length * step
            value, gradient, information = trial
        return found, max_iterations

    def _at(self, parameters: Doubles) -> tuple[float, Doubles, Doubles]:
        away = parameters - self.center
        value = -0.5 * float((self.precision * away**2).sum())
        gradient = -self.precision * away
        information = np.diag(self.precision)
        blocks = range(0, self.counts.size, BLOCK_ROWS)
        # In the order of the rows, whichever thread is done first: the sums are the same each time.
        with ThreadPoolExecutor() as threads:
            for part in threads.map(partial(self._part, parameters), blocks):
                value += part[0]
                gradient += part[1]
                information += part[2]
        return value, gradient, information

    def _part(
        self, parameters: Doubles, start: int
    ) -> tuple[float, NDArray[np.floating], NDArray[np.floating]]:
        """Return what a block of rows adds to value, gradient and information."""
        rows = slice(start, start + BLOCK_ROWS)
        likelihood, slopes, mean = self._block(parameters, rows)
        weight, counts = self.weight[rows], self.counts[rows]
        gradient = slopes.T @ (weight * (counts - mean)).astype(slopes.dtype)
        scaled = slopes * np.sqrt(weight * mean).astype(slopes.dtype)[:, None]
        return likelihood, gradient, scaled.T @ scaled

    def _block(
        self, parameters: Doubles, rows: slice
    ) -> tuple[float, NDArray[np.floating], Doubles]:
        """Return the log-likelihood, the slopes of the log mean and the mean of some rows."""
        design, history = self.design[rows], self.history.block(rows)
        columns = design.shape[1]
        typical_shape, scale, recency = np.exp(np.clip(parameters[1 + columns : -1], -20, 20))
        power = parameters[-1]
        coefficients = parameters[1 : 1 + columns].astype(design.dtype)
        log_rate = (design @ coefficients).astype(np.float64) + parameters[0]
        rate = np.exp(np.minimum(log_rate + self.log_exposure[rows], 50.0))
        size = np.log(rate / TYPICAL_BREAKS)
        shape = typical_shape * np.exp(np.clip(power * size, -20, 20))
        recent = recency * history.recent_breaks
        late = scale * recency * history.recent_years
        early = scale * history.years
        above = shape + history.breaks + recent
        below = shape + rate * (early + late)
        log_mean = np.log(rate) + np.log(above) - np.log(below)
        mean = np.exp(log_mean)
        by_shape = shape / above - shape / below
        own = shape / below + power * by_shape
        slopes = np.empty((mean.size, columns + 5), dtype=design.dtype)
        slopes[:, 0] = own
        np.multiply(design, own.astype(design.dtype)[:, None], out=slopes[:, 1 : 1 + columns])
        slopes[:, columns + 1] = by_shape
        slopes[:, columns + 2] = -rate * (early + late) / below
        slopes[:, columns + 3] = recent / above - rate * late / below
        slopes[:, columns + 4] = by_shape * size
        weight, counts = self.weight[rows], self.counts[rows]
        return float((weight * (counts * log_mean - mean)).sum()), slopes, mean
