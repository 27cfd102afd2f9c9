"""A baseline: Weibull proportional hazards with left truncation."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from la_pipeline_failure_predict.model.candidates.base import DesignModel, as_counts, as_exposure
from la_pipeline_failure_predict.model.data import Frame
from la_pipeline_failure_predict.model.design import (
    Design,
    Doubles,
    Floats,
    Term,
    fit_terms,
    matrix,
)
from la_pipeline_failure_predict.model.poisson_glm import PoissonGLM

LEAST_SHAPE, MOST_SHAPE = 0.2, 6.0
LEAST_AGE = 0.5


class WeibullPH(DesignModel):
    r"""Weibull proportional hazards of a main's breaks by age, observed from its entry on.

    The hazard at age ``t`` is ``shape * t ** (shape - 1) * exp(x b)`` per km. A main that entered
    the record at an age has only been at risk from then on (left truncation), so a row of a main
    aged ``t`` adds the hazard from ``t`` to ``t + 1`` and nothing before: its breaks are Poisson
    with mean

    .. math:: e \exp(x b) ((t + 1)^{shape} - t^{shape})

    (Lawless 2003, *Statistical Models and Methods for Lifetime Data*, sections 2.4 and 6.3;
    repeated breaks make it the power-law process of Rigdon & Basu 2000). Given the shape that is a
    Poisson regression; the shape maximizes the rest. It does not use the record of breaks.

    Parameters
    ----------
    design
        Covariates; age, which is the time scale, must not be one of them.
    penalty
        Precision of the normal prior of each coefficient but the intercept.

    Attributes
    ----------
    shape_
        Above 1 where mains wear out.
    age_
        Mean age of the rows, years, which is used for an unknown one.
    """

    name: ClassVar[str] = "weibull"
    label: ClassVar[str] = "Weibull PH"
    complexity: ClassVar[int] = 2
    further_numbers = ("age_years",)

    def __init__(self, design: Design, penalty: float = 1.0) -> None:
        self.design = design
        self.penalty = penalty

    def fit(
        self,
        X: Frame,
        y: ArrayLike,
        exposure: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Search the shape, with the best coefficients for each; see `BreakModel.fit`."""
        counts, weight = as_counts(y, sample_weight, X.rows)
        size = as_exposure(exposure, X.rows)
        rows = np.arange(X.rows)
        self.terms_: tuple[Term, ...] = fit_terms(self.design, X, rows, counts, size * weight)
        age = X.number("age_years")
        self.age_ = float(np.nanmean(age)) if not np.isnan(age).all() else 1.0
        grouped = _Grouped(matrix(self.terms_, X, rows, np.float64), _filled(age, self.age_))
        grouped.add(counts * weight, size * weight)

        def lost(shape: float) -> float:
            return -grouped.profile(shape, self.penalty)[0]

        with threadpool_limits(limits=1):
            found = minimize_scalar(
                lost, bounds=(LEAST_SHAPE, MOST_SHAPE), method="bounded", options={"xatol": 1e-3}
            )
            self.shape_ = float(found.x)
            self.model_ = grouped.profile(self.shape_, self.penalty)[1]
        return self

    def predict(self, X: Frame, exposure: ArrayLike | None = None) -> Doubles:
        """Return expected breaks, shape (rows,)."""
        check_is_fitted(self, "model_")
        design = matrix(self.terms_, X, np.arange(X.rows), np.float64)
        risk = cumulative(_filled(X.number("age_years"), self.age_), self.shape_)
        return self.model_.predict(design, as_exposure(exposure, X.rows) * risk)


class _Grouped:
    """Rows of equal covariates and age, rounded to months, added up: the same likelihood."""

    def __init__(self, design: Floats, age: Doubles) -> None:
        keys = np.column_stack([design, np.round(age * 12) / 12])
        order = np.lexsort(keys.T)
        differs = np.any(keys[order][1:] != keys[order][:-1], axis=1)
        self.position = np.empty(order.size, np.intp)
        self.position[order] = np.concatenate([[0], np.cumsum(differs)])
        first = order[np.concatenate([[True], differs])]
        self.design, self.age = design[first], keys[first, -1]

    def add(self, counts: Doubles, exposure: Doubles) -> None:
        """Add up counts and exposure of the rows."""
        self.counts = np.bincount(self.position, weights=counts)
        self.exposure = np.bincount(self.position, weights=exposure)

    def profile(self, shape: float, penalty: float) -> tuple[float, PoissonGLM]:
        """Return the penalized log-likelihood of a shape, and its regression."""
        exposure = self.exposure * cumulative(np.maximum(self.age, LEAST_AGE), shape)
        model = PoissonGLM(penalty, tolerance=1e-7).fit(self.design, self.counts, exposure)
        mean = model.predict(self.design, exposure)
        value = float((self.counts * np.log(mean) - mean).sum())
        return value - penalty / 2 * float(model.coef_ @ model.coef_), model


def cumulative(age: Doubles, shape: float) -> Doubles:
    """Return the hazard of a year from an age on, of the unit Weibull, shape (rows,)."""
    hazard: Doubles = (age + 1) ** shape - age**shape
    return hazard


def _filled(age: Doubles, mean: float) -> Doubles:
    return np.maximum(np.where(np.isnan(age), mean, age), LEAST_AGE)
