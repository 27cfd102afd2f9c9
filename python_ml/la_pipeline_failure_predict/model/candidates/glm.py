"""Poisson regression of breaks on terms of the feature mart, with the exposure as an offset."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from la_pipeline_failure_predict.model.candidates.base import (
    CoefficientModel,
    DesignModel,
    as_counts,
    as_exposure,
)
from la_pipeline_failure_predict.model.data import Frame
from la_pipeline_failure_predict.model.design import Design, fit_terms, matrix
from la_pipeline_failure_predict.model.poisson_glm import PoissonGLM

# Above it, saving memory is more important than the seventh digit of a coefficient.
DOUBLE_PRECISION_ROWS = 1_000_000


class DesignGLM(DesignModel, CoefficientModel):
    """Poisson GLM of the terms of a design.

    Parameters
    ----------
    design
        What the terms are made of.
    penalty
        Precision of the normal prior of each coefficient but the intercept.
    """

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
        """Choose levels, centers and scales, then the coefficients; see `BreakModel.fit`."""
        counts, weight = as_counts(y, sample_weight, X.rows)
        size = as_exposure(exposure, X.rows)
        rows = np.arange(X.rows)
        self.terms_ = fit_terms(self.design, X, rows, counts, size * weight)
        precise = X.rows <= DOUBLE_PRECISION_ROWS
        # One thread gives the same sums, and so the same coefficients, on any number of cores. On a
        # busy machine, threads that wait for each other also cost more than they save.
        with threadpool_limits(limits=1):
            solved = PoissonGLM(self.penalty, tolerance=1e-8 if precise else 1e-5).fit(
                matrix(self.terms_, X, rows, np.float64 if precise else np.float32),
                counts,
                exposure=size,
                weight=weight,
            )
        self.coefficients_ = (solved.intercept_, *solved.coef_.tolist())
        return self


class PipeGLM(DesignGLM):
    """The mains' GLM: what the main is, its record and its surroundings, each with a coefficient.

    Examples
    --------
    >>> from sklearn.base import clone
    >>> clone(PipeGLM(Design(levels=("material_group",), numbers=()), penalty=2.0)).penalty
    2.0
    """

    name: ClassVar[str] = "poisson_glm"
    label: ClassVar[str] = "Poisson GLM"
    complexity: ClassVar[int] = 2
