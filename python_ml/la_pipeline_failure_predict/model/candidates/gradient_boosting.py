"""Histogram gradient boosting with Poisson loss and monotone constraints."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from la_pipeline_failure_predict.model.candidates.base import DesignModel, as_counts, as_exposure
from la_pipeline_failure_predict.model.data import Factor, Frame
from la_pipeline_failure_predict.model.design import BLOCK_ROWS, Design, Doubles, parts


class GradientBoosting(DesignModel):
    """Boosted trees of the rate, weighted by exposure, which is the Poisson likelihood of counts.

    Age and records can only raise the rate. Levels are numbered by their rate in training, which is
    the order in which a tree would split them (Fisher 1958, "On grouping for maximum homogeneity",
    JASA 53). Missing numbers and levels that training never saw follow the branch of missing
    values.

    Parameters
    ----------
    design
        Columns that it reads; numbers enter as they are, and may only raise or lower the rate
        where their sign says so.
    learning_rate, max_iter, max_leaf_nodes, l2_regularization
        As for scikit-learn's ``HistGradientBoostingRegressor`` (Ke et al. 2017, "LightGBM").
    least_leaf_share
        Least share of the rows in a leaf.
    random_state
        Seed.
    """

    name: ClassVar[str] = "gradient_boosting"
    label: ClassVar[str] = "Gradient boosting"
    complexity: ClassVar[int] = 4

    def __init__(
        self,
        design: Design,
        learning_rate: float = 0.05,
        max_iter: int = 150,
        max_leaf_nodes: int = 8,
        l2_regularization: float = 1.0,
        least_leaf_share: float = 0.004,
        random_state: int = 1,
    ) -> None:
        self.design = design
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.l2_regularization = l2_regularization
        self.least_leaf_share = least_leaf_share
        self.random_state = random_state

    def fit(
        self,
        X: Frame,
        y: ArrayLike,
        exposure: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit; see `BreakModel.fit`."""
        counts, weight = as_counts(y, sample_weight, X.rows)
        size = as_exposure(exposure, X.rows)
        self.levels_ = {
            name: _ranked(X.factor(name), counts * weight, size * weight)
            for name in self.design.levels
        }
        # A number that is always missing carries no information, and cannot be put into bins.
        self.known_ = [name for name in self._numbers if not np.isnan(X.number(name)).all()]
        with threadpool_limits(limits=1):
            self.estimator_ = HistGradientBoostingRegressor(
                loss="poisson",
                learning_rate=self.learning_rate,
                max_iter=self.max_iter,
                max_leaf_nodes=self.max_leaf_nodes,
                l2_regularization=self.l2_regularization,
                min_samples_leaf=max(20, int(self.least_leaf_share * X.rows)),
                monotonic_cst=[0] * len(self.design.levels)
                + [item.sign for item in self.design.numbers],
                early_stopping=False,
                random_state=self.random_state,
            ).fit(
                self._matrix(X),
                counts / size,
                sample_weight=size * weight / float(np.mean(size * weight)),
            )
        return self

    def predict(self, X: Frame, exposure: ArrayLike | None = None) -> Doubles:
        """Return expected breaks, shape (rows,)."""
        check_is_fitted(self, "estimator_")
        rate = np.empty(X.rows)
        with threadpool_limits(limits=1):
            for start, part in parts(X, np.arange(X.rows)):
                rate[start : start + BLOCK_ROWS] = self.estimator_.predict(self._matrix(part))
        expected: Doubles = rate * as_exposure(exposure, X.rows)
        return expected

    @property
    def _numbers(self) -> list[str]:
        return [item.feature for item in self.design.numbers]

    def _matrix(self, X: Frame) -> Doubles:
        levels = self.design.levels
        design = np.empty((X.rows, len(levels) + len(self._numbers)))
        for position, name in enumerate(levels):
            factor, known = X.factor(name), self.levels_[name]
            # The last entry is for code -1, null.
            ranks = [known.get(level, np.nan) for level in factor.names]
            design[:, position] = np.array([*ranks, np.nan])[factor.codes]
        for position, name in enumerate(self._numbers, len(levels)):
            design[:, position] = X.number(name) if name in self.known_ else 0.0
        return design


def _ranked(factor: Factor, breaks: Doubles, exposure: Doubles) -> dict[str, float]:
    """Return the rank of each level by its rate, a break at the overall rate added to each."""
    known = factor.codes >= 0
    broken = np.bincount(factor.codes[known], breaks[known], minlength=len(factor.names))
    exposed = np.bincount(factor.codes[known], exposure[known], minlength=len(factor.names))
    overall = float(breaks.sum() / exposure.sum())
    rates = (broken + 1) / (exposed + 1 / overall)
    ordered = sorted(zip(rates.tolist(), factor.names, strict=True))
    return {name: float(rank) for rank, (_, name) in enumerate(ordered)}
