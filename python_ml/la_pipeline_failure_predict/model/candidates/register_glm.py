"""A baseline: the register alone, with the length as offset."""

from typing import ClassVar

from la_pipeline_failure_predict.model.candidates.glm import DesignGLM


class RegisterGLM(DesignGLM):
    """Poisson GLM of material, diameter and age: nothing of any record."""

    name: ClassVar[str] = "register_glm"
    label: ClassVar[str] = "GLM without history"
    complexity: ClassVar[int] = 1
