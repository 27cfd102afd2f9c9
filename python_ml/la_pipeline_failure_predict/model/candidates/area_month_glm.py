"""Poisson regression of breaks by area and month."""

from typing import ClassVar

from la_pipeline_failure_predict.model.candidates.glm import DesignGLM
from la_pipeline_failure_predict.model.design import Design


class AreaMonthGLM(DesignGLM):
    """The areas' GLM: season, record and climate of the months before.

    The penalty is that which forecasts best from a year and a half to two years of record, when
    every climate term has seen two winters at most (`docs/07_models`).
    """

    name: ClassVar[str] = "poisson_glm"
    label: ClassVar[str] = "Poisson GLM"
    complexity: ClassVar[int] = 2

    def __init__(self, design: Design, penalty: float = 30.0) -> None:
        super().__init__(design, penalty)
