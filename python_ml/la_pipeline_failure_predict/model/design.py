"""The design of a generalized linear model as a list of terms, each computable in plain SQL.

A fitted model is a list of `Term` and one coefficient each: the rows of ``ml.model_coefficients``.
For a row of the feature mart, with ``x`` the feature, a term is

=========  ==========================================================================
transform  value
=========  ==========================================================================
intercept  ``1``
indicator  ``case when cast(x as text) = level then 1 else 0 end``
missing    ``case when x is null then 1 else 0 end``
linear     ``coalesce((x - center) / scale, 0)``
log        ``coalesce((ln(case when x > 0 then x end) - center) / scale, 0)``
log1p      ``coalesce((ln(case when x > -1 then 1 + x end) - center) / scale, 0)``
=========  ==========================================================================

A feature is a column, or one of two combinations of columns:

- ``a*b`` (indicators only): the levels joined, ``a || '*' || b``; null where either is null.
- ``a/b`` (numbers only): ``case when b > 0 then a / b end``, in double precision.

So a null scores as the mean of the training rows, plus the `missing` term where there is one, and a
level that was rare or absent in training scores as the reference.

The expected breaks of a row are ``exposure * exp(sum of coefficient * term)``, exposure in km (or
the area's exposure). An empirical-Bayes model has more rows, whose transforms start with ``eb_``.
They are not part of that sum but of a factor on it: with ``m`` the expected breaks above,

    ``expected = m * (shape + breaks) / (shape + m * years)``

===================  =================================================================
transform            adds to
===================  =================================================================
eb_shape             shape: ``coefficient`` (the feature is null)
eb_shape_power       shape is multiplied by ``m`` to the power ``coefficient``
eb_breaks            breaks: ``coefficient * coalesce(x, 0)``
eb_years             years: ``coefficient * coalesce(x, 0) / scale``
eb_recent_years      years: ``coefficient * least(coalesce(x, 0) / scale, 1)``
===================  =================================================================

A model without ``eb_`` rows has the factor 1.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from la_pipeline_failure_predict.model.data import Frame, columns_of

BLOCK_ROWS = 32_768
EB_PREFIX = "eb_"

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Term:
    """One column of the design matrix.

    Attributes
    ----------
    feature
        Feature the term is made of; None for the intercept.
    level
        Level that an indicator stands for; None for other transforms.
    center, scale
        The transformed feature less `center`, over `scale`, is the term.
    """

    feature: str | None
    transform: str
    level: str | None = None
    center: float = 0.0
    scale: float = 1.0

    @property
    def name(self) -> str:
        """Name of the term, such as ``log(age_years)`` or ``material_group=steel``."""
        if self.feature is None:
            return self.transform
        if self.transform == "indicator":
            return f"{self.feature}={self.level}"
        return str(self.feature) if self.transform == "linear" else self.call

    @property
    def call(self) -> str:
        """The transform as a call."""
        return f"{self.transform}({self.feature})"

    @property
    def is_history(self) -> bool:
        """Whether the term belongs to the empirical-Bayes factor instead of the log rate."""
        return self.transform.startswith(EB_PREFIX)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the mart that the term reads."""
        return columns_of(self.feature) if self.feature else ()


@dataclass(frozen=True)
class Number:
    """A numeric feature to be transformed, centered and scaled; nulls get a term of their own.

    Attributes
    ----------
    sign
        1 where more of it can only mean more breaks, -1 fewer, 0 either way; for boosted trees.
    """

    feature: str
    transform: str = "linear"
    sign: int = 0


@dataclass(frozen=True)
class Design:
    """What a model is made of, before it has seen data; `model.features` reads it from the YAML.

    Attributes
    ----------
    levels
        Features whose common levels become indicators.
    numbers
        Numeric features.
    least_expected_breaks
        A level is common when so many breaks are expected on its exposure at the overall rate;
        rarer ones join the reference. The rule never looks at the level's own breaks.
    """

    levels: tuple[str, ...]
    numbers: tuple[Number, ...]
    least_expected_breaks: float = 10.0

    @property
    def level_columns(self) -> tuple[str, ...]:
        """Columns that are read as levels."""
        return _unique(column for feature in self.levels for column in columns_of(feature))

    @property
    def number_columns(self) -> tuple[str, ...]:
        """Columns that are read as numbers."""
        return _unique(column for item in self.numbers for column in columns_of(item.feature))


INTERCEPT = Term(feature=None, transform="intercept")


def fit_terms(
    design: Design, frame: Frame, rows: NDArray[np.intp], breaks: Floats, exposure: Floats
) -> tuple[Term, ...]:
    """Choose levels, centers and scales from training rows.

    Parameters
    ----------
    frame
        Rows of the mart.
    rows
        Positions of the training rows in `frame`, shape (n,).
    breaks
        Breaks of those rows, shape (n,).
    exposure
        Exposure of those rows, times their sampling weight, shape (n,).

    Returns
    -------
    tuple of Term
        The intercept first; columns that are constant in the training rows are left out.
    """
    expected = exposure * (float(breaks.sum(dtype=np.float64)) / float(exposure.sum()))
    terms = [INTERCEPT]
    for feature in design.levels:
        terms += _indicators(feature, frame, rows, expected, design.least_expected_breaks)
    for number in design.numbers:
        terms += _numeric(number, frame, rows, expected, design.least_expected_breaks)
    return tuple(terms)


def _indicators(
    feature: str, frame: Frame, rows: NDArray[np.intp], expected: Floats, least: float
) -> list[Term]:
    """Return an indicator for each common level but the most exposed one, the reference."""
    factor = frame.factor(feature)
    codes = factor.codes[rows]
    weight = np.bincount(codes + 1, weights=expected, minlength=len(factor.names) + 1)[1:]
    # Rounded, so that equal exposures tie whatever order the rows were summed in.
    rounded = np.round(weight, 6)
    by_name = sorted(zip(rounded, factor.names, strict=True), key=lambda pair: (-pair[0], pair[1]))
    common = [name for total, name in by_name if total >= least]
    return [Term(feature, "indicator", level=name) for name in sorted(common[1:])]


def _numeric(
    number: Number, frame: Frame, rows: NDArray[np.intp], expected: Floats, least: float
) -> list[Term]:
    """Return the standardized term and, where nulls are common, their indicator."""
    count, total, squares, missing = 0, 0.0, 0.0, 0.0
    shift: float | None = None
    needed = frame.only(columns_of(number.feature))
    for start, part in parts(needed, rows):
        raw = part.number(number.feature)
        missing += float(expected[start : start + part.rows][np.isnan(raw)].sum())
        value = transformed(raw, number.transform)
        value = value[~np.isnan(value)]
        if not value.size:
            continue
        # Sums of differences from one value keep the variance exact.
        shift = float(value[0]) if shift is None else shift
        count += value.size
        total += float((value - shift).sum())
        squares += float(((value - shift) ** 2).sum())
    if shift is None:
        return []
    mean = total / count
    spread = float(np.sqrt(max(squares / count - mean**2, 0.0)))
    terms = []
    if spread > 1e-9 * max(1.0, abs(shift + mean)):
        term = Term(number.feature, number.transform, center=shift + mean, scale=spread)
        terms.append(term)
    if missing >= least:
        terms.append(Term(number.feature, "missing"))
    return terms


def matrix(
    terms: Sequence[Term], frame: Frame, rows: NDArray[np.intp], dtype: type[np.floating]
) -> NDArray[np.floating]:
    """Return the design matrix without the intercept, shape (rows, terms), row by row."""
    wanted = [term for term in terms if term.transform != "intercept"]
    design = np.empty((rows.size, len(wanted)), dtype=dtype)
    # Terms are computed column by column, but the solver is fastest on whole rows.
    columns = np.empty((len(wanted), min(BLOCK_ROWS, rows.size)), dtype=dtype)
    for start, part in parts(frame, rows):
        for position, term in enumerate(wanted):
            columns[position, : part.rows] = term_values(term, part)
        design[start : start + part.rows] = columns[:, : part.rows].T
    return design


def linear_predictor(
    terms: Sequence[Term], coefficients: Sequence[float], frame: Frame, rows: NDArray[np.intp]
) -> Doubles:
    """Return the log rate of rows in double precision, shape (rows,).

    Terms are added in the order given, as a SQL expression would; those of the history factor are
    left out.
    """
    eta = np.zeros(rows.size)
    summed = [pair for pair in zip(terms, coefficients, strict=True) if not pair[0].is_history]
    for start, part in parts(frame, rows):
        for term, coefficient in summed:
            eta[start : start + part.rows] += coefficient * term_values(term, part)
    return eta


def expected_breaks(
    terms: Sequence[Term],
    coefficients: Sequence[float],
    frame: Frame,
    rows: NDArray[np.intp],
    exposure: Floats,
) -> Doubles:
    """Return the expected breaks of rows, shape (rows,), as the module's docstring says.

    Parameters
    ----------
    exposure
        Exposure of those rows in the unit of the fit (km, or the area's), shape (rows,).
    """
    mean = np.exp(linear_predictor(terms, coefficients, frame, rows)) * exposure.astype(np.float64)
    history = [pair for pair in zip(terms, coefficients, strict=True) if pair[0].is_history]
    if not history:
        return mean
    shape, breaks, years = np.ones(rows.size), np.zeros(rows.size), np.zeros(rows.size)
    for term, coefficient in history:
        if term.transform == "eb_shape":
            shape *= coefficient
        elif term.transform == "eb_shape_power":
            shape *= mean**coefficient
        elif term.transform == "eb_breaks":
            breaks += coefficient * history_values(term, frame, rows)
        else:
            years += coefficient * history_values(term, frame, rows)
    return np.asarray(mean * (shape + breaks) / (shape + mean * years), np.float64)


def history_values(term: Term, frame: Frame, rows: NDArray[np.intp]) -> Doubles:
    """Return what a term of the history factor is multiplied by its coefficient, shape (rows,)."""
    value = np.nan_to_num(frame.numbers[str(term.feature)][rows].astype(np.float64)) / term.scale
    return np.minimum(value, 1.0) if term.transform == "eb_recent_years" else value


def parts(frame: Frame, rows: NDArray[np.intp]) -> Iterator[tuple[int, Frame]]:
    """Yield chosen rows in blocks, each with its first position in `rows`."""
    for start in range(0, rows.size, BLOCK_ROWS):
        yield start, frame.take(rows[start : start + BLOCK_ROWS])


def term_values(term: Term, part: Frame) -> Doubles:
    """Return a term's values, shape (rows,), as the table in the module's docstring says."""
    if term.feature is None:
        return np.ones(part.rows)
    if term.transform == "indicator":
        factor = part.factor(term.feature)
        return (factor.codes == factor.code(str(term.level))).astype(np.float64)
    raw = part.number(term.feature)
    if term.transform == "missing":
        return np.isnan(raw).astype(np.float64)
    value = (transformed(raw, term.transform) - term.center) / term.scale
    value[np.isnan(value)] = 0.0
    return value


def transformed(value: Doubles, transform: str) -> Doubles:
    """Apply a numeric transform; NaN where the value is null or outside its domain."""
    if transform == "linear":
        return value
    with np.errstate(invalid="ignore"):
        if transform == "log":
            return np.log(np.where(value > 0, value, np.nan))
        if transform == "log1p":
            return np.log1p(np.where(value > -1, value, np.nan))
    raise ValueError(f"unknown transform {transform!r}")


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
