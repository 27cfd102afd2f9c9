"""Candidates and baselines that are fitted; `CANDIDATES` lists what `train --model` may choose."""

from collections.abc import Mapping

from la_pipeline_failure_predict.errors import UserError
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
from la_pipeline_failure_predict.model.data import Grain
from la_pipeline_failure_predict.model.features import Features

__all__ = ["BASELINES", "CANDIDATES", "BreakModel", "CoefficientModel", "make_model"]

CANDIDATES: Mapping[Grain, Mapping[str, type[BreakModel]]] = {
    "pipe": {kind.name: kind for kind in (PipeGLM, EmpiricalBayes, GradientBoosting)},
    "area_month": {AreaMonthGLM.name: AreaMonthGLM},
}
BASELINES: Mapping[Grain, Mapping[str, type[BreakModel]]] = {
    "pipe": {kind.name: kind for kind in (CohortRate, RegisterGLM, WeibullPH)},
    "area_month": {},
}


def make_model(
    features: Features, name: str, parameters: Mapping[str, object] | None = None
) -> BreakModel:
    """Return an unfitted candidate or baseline.

    Parameters
    ----------
    features
        What the grain's models may read.
    parameters
        Its parameters, where they are not the defaults.

    Raises
    ------
    UserError
        If the grain has no such model, or the model no such parameter.
    """
    grain = features.grain
    known = {**CANDIDATES[grain], **BASELINES[grain]}
    if name not in known:
        raise UserError(f"There is no {grain} model {name!r}; there are {', '.join(known)}.")
    kind = known[name]
    model = kind(features.design(name)) if issubclass(kind, DesignModel) else kind()
    given = dict(parameters or {})
    unknown = sorted(set(given) - set(model.get_params()))
    if unknown:
        accepted = ", ".join(sorted(set(model.get_params()) - {"design"}))
        raise UserError(f"{name} has no parameter {', '.join(unknown)}; it has {accepted}.")
    return model.set_params(**given)
