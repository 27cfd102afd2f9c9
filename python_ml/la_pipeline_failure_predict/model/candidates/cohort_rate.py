"""A baseline: every cohort breaks at the rate it broke at."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from la_pipeline_failure_predict.model.candidates.base import BreakModel, as_counts, as_exposure
from la_pipeline_failure_predict.model.data import Frame
from la_pipeline_failure_predict.model.design import Doubles


class CohortRate(BreakModel):
    """Breaks per km of mains of one material and decade of installation.

    Parameters
    ----------
    pseudo_breaks
        Breaks at the overall rate that each cohort is given before it is counted, so that a small
        or unseen one stays near the whole network.

    Attributes
    ----------
    rates_
        Breaks per unit of exposure by material and decade; -1 is an unknown year.
    overall_
        The rate of all rows.
    """

    name: ClassVar[str] = "cohort_rate"
    label: ClassVar[str] = "Material x decade"
    complexity: ClassVar[int] = 0

    def __init__(self, pseudo_breaks: float = 1.0) -> None:
        self.pseudo_breaks = pseudo_breaks

    @property
    def level_columns(self) -> tuple[str, ...]:
        """Columns of the mart that are read as levels."""
        return ("material_group",)

    @property
    def number_columns(self) -> tuple[str, ...]:
        """Columns of the mart that are read as numbers, besides the exposure."""
        return ("install_year",)

    def fit(
        self,
        X: Frame,
        y: ArrayLike,
        exposure: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Count breaks and exposure of each cohort; see `BreakModel.fit`."""
        counts, weight = as_counts(y, sample_weight, X.rows)
        size = as_exposure(exposure, X.rows) * weight
        cohorts, position = np.unique(_cohorts(X), return_inverse=True)
        broken = np.bincount(position, weights=counts * weight)
        exposed = np.bincount(position, weights=size)
        self.overall_ = float(broken.sum() / exposed.sum())
        rates = (broken + self.pseudo_breaks) / (exposed + self.pseudo_breaks / self.overall_)
        self.rates_ = dict(zip(cohorts.tolist(), rates.tolist(), strict=True))
        return self

    def predict(self, X: Frame, exposure: ArrayLike | None = None) -> Doubles:
        """Return expected breaks; a cohort that was not there breaks at the overall rate."""
        check_is_fitted(self, "rates_")
        cohorts, position = np.unique(_cohorts(X), return_inverse=True)
        rates = np.array([self.rates_.get(name, self.overall_) for name in cohorts.tolist()])
        expected: Doubles = rates[position] * as_exposure(exposure, X.rows)
        return expected


def _cohorts(X: Frame) -> NDArray[np.str_]:
    material = np.array([*X.factor("material_group").names, ""])[X.factor("material_group").codes]
    year = X.number("install_year")
    decade = np.where(np.isnan(year), -1, np.nan_to_num(year) // 10 * 10).astype(int)
    return np.char.add(np.char.add(material, " "), decade.astype(str))
