"""Models of the expected breaks; which grain they are of is in `model.grains`."""

from la_pipeline_failure_predict.model.candidates.area_month_glm import AreaMonthGLM
from la_pipeline_failure_predict.model.candidates.base import (
    BreakModel,
    CoefficientModel,
    DesignModel,
)
from la_pipeline_failure_predict.model.candidates.cohort_rate import CohortRate
from la_pipeline_failure_predict.model.candidates.empirical_bayes import EmpiricalBayes
from la_pipeline_failure_predict.model.candidates.glm import PipeGLM
from la_pipeline_failure_predict.model.candidates.gradient_boosting import GradientBoosting
from la_pipeline_failure_predict.model.candidates.register_glm import RegisterGLM
from la_pipeline_failure_predict.model.candidates.weibull import WeibullPH

__all__ = [
    "AreaMonthGLM",
    "BreakModel",
    "CoefficientModel",
    "CohortRate",
    "DesignModel",
    "EmpiricalBayes",
    "GradientBoosting",
    "PipeGLM",
    "RegisterGLM",
    "WeibullPH",
]
