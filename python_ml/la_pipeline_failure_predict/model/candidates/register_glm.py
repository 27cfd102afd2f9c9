"""A baseline: the register alone, with the length as offset."""

from typing import ClassVar

from la_pipeline_failure_predict.model.candidates.glm import DesignGLM


class RegisterGLM(DesignGLM):
    """Poisson GLM of material, diameter and age, without any record of breaks."""

    name: ClassVar[str] = "register_glm"
    label: ClassVar[str] = "GLM without history"
    complexity: ClassVar[int] = 1
