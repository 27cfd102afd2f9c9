"""A baseline: the register alone, with the length as offset."""

from typing import ClassVar

from la_pipeline_failure_predict.model.candidates.glm import DesignGLM
from la_pipeline_failure_predict.model.design import REGISTER_DESIGN, Design


class RegisterGLM(DesignGLM):
    """Poisson GLM of material, diameter and age: nothing of any record."""

    name: ClassVar[str] = "register_glm"
    label: ClassVar[str] = "GLM without history"
    complexity: ClassVar[int] = 1

    def __init__(self, design: Design = REGISTER_DESIGN, penalty: float = 1.0) -> None:
        super().__init__(design, penalty)
