"""The interface that every candidate for a break model has."""

from abc import abstractmethod
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from la_pipeline_failure_predict.model.data import Frame
from la_pipeline_failure_predict.model.design import Design, Doubles, Term, expected_breaks


class BreakModel(RegressorMixin, BaseEstimator):
    """A model of break counts: a scikit-learn regressor that reads columns instead of a matrix.

    ``clone``, ``get_params`` and ``set_params`` work as for any estimator. ``X`` is a
    `model.data.Frame` of the rows; the exposure is a known multiplier of the expectation.

    Attributes
    ----------
    name
        Its name in tables and reports.
    label
        Its name for people.
    complexity
        Its place among models: of two that are equally good, the lower is chosen.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    complexity: ClassVar[int]

    @property
    @abstractmethod
    def level_columns(self) -> tuple[str, ...]:
        """Columns of the mart that are read as levels."""

    @property
    @abstractmethod
    def number_columns(self) -> tuple[str, ...]:
        """Columns of the mart that are read as numbers, besides the exposure."""

    @abstractmethod
    def fit(
        self,
        X: Frame,
        y: ArrayLike,
        exposure: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit to counts.

        Parameters
        ----------
        X
            Rows of the mart.
        y
            Breaks of each row, shape (rows,).
        exposure
            Exposure above 0 of each row, km or the area's unit, shape (rows,); 1 when None.
        sample_weight
            How many rows of the mart each row stands for, shape (rows,); 1 when None.

        Raises
        ------
        ValueError
            If an exposure is not above 0 or no count is.
        """

    @abstractmethod
    def predict(self, X: Frame, exposure: ArrayLike | None = None) -> Doubles:
        """Return expected breaks, shape (rows,).

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """


class DesignModel(BreakModel):
    """A model of the terms of a design.

    Attributes
    ----------
    design
        What the terms are made of.
    further_numbers
        Columns that it reads as numbers besides those of the design.
    """

    design: Design
    further_numbers: ClassVar[tuple[str, ...]] = ()

    @property
    def level_columns(self) -> tuple[str, ...]:
        """Columns of the mart that are read as levels."""
        return self.design.level_columns

    @property
    def number_columns(self) -> tuple[str, ...]:
        """Columns of the mart that are read as numbers, besides the exposure."""
        return tuple(dict.fromkeys((*self.design.number_columns, *self.further_numbers)))


class CoefficientModel(BreakModel):
    """A model that is a list of terms and coefficients: a table, scored in plain SQL.

    Attributes
    ----------
    terms_, coefficients_
        As `model.design` reads them.
    """

    terms_: tuple[Term, ...]
    coefficients_: tuple[float, ...]

    def predict(self, X: Frame, exposure: ArrayLike | None = None) -> Doubles:
        """Return expected breaks, shape (rows,)."""
        check_is_fitted(self, "coefficients_")
        rows = np.arange(X.rows)
        return expected_breaks(
            self.terms_, self.coefficients_, X, rows, as_exposure(exposure, X.rows)
        )


class FittedTerms(CoefficientModel):
    """A fit that was read back from the coefficient table; it cannot be fitted again."""

    name: ClassVar[str] = "fitted_terms"
    label: ClassVar[str] = "Terms from the warehouse"
    complexity: ClassVar[int] = 0

    def __init__(self, terms: tuple[Term, ...], coefficients: tuple[float, ...]) -> None:
        self.terms = terms
        self.coefficients = coefficients
        self.terms_ = terms
        self.coefficients_ = coefficients

    @property
    def level_columns(self) -> tuple[str, ...]:
        """Columns of the mart that are read as levels."""
        return self._columns(True)

    @property
    def number_columns(self) -> tuple[str, ...]:
        """Columns of the mart that are read as numbers, besides the exposure."""
        return self._columns(False)

    def _columns(self, levels: bool) -> tuple[str, ...]:
        used = [term for term in self.terms if (term.transform == "indicator") is levels]
        return tuple(dict.fromkeys(column for term in used for column in term.columns))

    def fit(
        self,
        X: Frame,
        y: ArrayLike,
        exposure: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Refuse."""
        raise TypeError(
            "a fit read from the warehouse cannot be fitted again: fit one of the candidates"
        )


def as_exposure(exposure: ArrayLike | None, rows: int) -> Doubles:
    """Return exposures as doubles, 1 when None.

    Raises
    ------
    ValueError
        If one is not above 0, or there are not as many as rows.
    """
    size = np.ones(rows) if exposure is None else np.asarray(exposure, np.float64)
    if size.shape != (rows,) or not (size > 0).all():
        raise ValueError("every row needs an exposure above 0")
    return size


def as_counts(y: ArrayLike, sample_weight: ArrayLike | None, rows: int) -> tuple[Doubles, Doubles]:
    """Return counts and weights as doubles.

    Raises
    ------
    ValueError
        If shapes differ or no count is above 0.
    """
    counts = np.asarray(y, np.float64)
    weight = np.ones(rows) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if counts.shape != (rows,) or weight.shape != (rows,):
        raise ValueError("every row needs a count and a weight")
    if not float((counts * weight).sum()) > 0:
        raise ValueError("no count is above 0")
    return counts, weight
