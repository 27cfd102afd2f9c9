"""Poisson regression of break counts with a log link and a log-exposure offset."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import PoissonRegressor
from sklearn.utils.validation import check_is_fitted


class PoissonGLM(RegressorMixin, BaseEstimator):
    r"""Poisson regression of counts: :math:`\log E[y] = \log e + b_0 + x b`, `e` the exposure.

    scikit-learn's Poisson regression has no offset. Fitting the rate ``y / e`` with weights ``e``
    is the same: both log-likelihoods are :math:`\sum_i y_i (b_0 + x_i b) - e_i \exp(b_0 + x_i b)`
    plus what does not depend on the coefficients (McCullagh & Nelder 1989, *Generalized Linear
    Models*, 2nd ed., sections 2.2 and 6.2: the count is the rate times a known exposure).

    Parameters
    ----------
    penalty
        Precision of a normal prior with mean 0 on each coefficient but the intercept:
        :math:`\log L - \frac{penalty}{2} \|b\|^2` is maximized. It does not depend on the number
        of rows or the unit of the exposure; 0 is plain maximum likelihood.
    max_iterations
        Newton steps at most.
    tolerance
        Ends the steps when no entry of the gradient per break is larger.

    Attributes
    ----------
    coef_
        Change of the log rate per unit of each column, shape (columns,).
    intercept_
        Log rate per unit of exposure where every column is 0.
    n_iter_
        Newton steps taken.
    n_features_in_
        Columns of the design matrix.

    Examples
    --------
    Two breaks on 4 km against one on 8 km, in a year:

    >>> import numpy as np
    >>> model = PoissonGLM(penalty=0).fit(np.array([[0.0], [1.0]]), [2, 1], exposure=[4.0, 8.0])
    >>> model.predict(np.array([[0.0], [1.0]]), exposure=[1.0, 1.0]).round(6).tolist()
    [0.5, 0.125]
    """

    def __init__(
        self, penalty: float = 1.0, max_iterations: int = 100, tolerance: float = 1e-6
    ) -> None:
        self.penalty = penalty
        self.max_iterations = max_iterations
        self.tolerance = tolerance

    def fit(
        self,
        X: NDArray[np.floating],
        y: ArrayLike,
        exposure: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> Self:
        """Fit to counts.

        Parameters
        ----------
        X
            Design matrix without a column for the intercept, shape (rows, columns); the fit is in
            its precision.
        y
            Counts, shape (rows,).
        exposure
            Exposure, above 0, shape (rows,); 1 when None.
        weight
            How many rows of the population each row stands for, shape (rows,); 1 when None.

        Raises
        ------
        ValueError
            If an exposure is not above 0, no count is, or shapes differ.
        """
        counts = np.asarray(y, dtype=np.float64)
        size = np.ones_like(counts) if exposure is None else np.asarray(exposure, np.float64)
        if size.shape != counts.shape or not (size > 0).all():
            raise ValueError("every row needs an exposure above 0")
        rows = np.ones_like(counts) if weight is None else np.asarray(weight, np.float64)
        total = float((counts * rows).sum())
        if not total > 0:
            raise ValueError("no count is above 0")
        # Exposure in units of the one with a break on average: the gradient that the tolerance is
        # compared to is then per break, whatever the unit.
        unit = float((size * rows).sum()) / total
        if not X.shape[1]:
            # The rows do not differ: use their common rate.
            self.coef_, self.n_iter_, self.n_features_in_ = np.empty(0), 0, 0
            self.intercept_ = -float(np.log(unit))
            return self
        scaled = size / unit
        solver = PoissonRegressor(
            alpha=self.penalty / total,
            solver="newton-cholesky",
            max_iter=self.max_iterations,
            tol=self.tolerance,
        )
        solver.fit(X, counts / scaled, sample_weight=scaled * rows)
        self.coef_ = solver.coef_.astype(np.float64)
        self.intercept_ = float(solver.intercept_) - float(np.log(unit))
        self.n_iter_ = int(solver.n_iter_)
        self.n_features_in_ = int(solver.n_features_in_)
        return self

    def predict(
        self, X: NDArray[np.floating], exposure: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Return expected counts, rate times exposure, shape (rows,).

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        rate = np.exp(np.asarray(X, np.float64) @ self.coef_ + self.intercept_)
        expected: NDArray[np.float64] = rate if exposure is None else rate * np.asarray(exposure)
        return expected
