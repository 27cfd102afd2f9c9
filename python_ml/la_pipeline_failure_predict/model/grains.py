"""The two things that are predicted: breaks of a main in a year, and of an area in a month."""

from collections.abc import Mapping
from dataclasses import dataclass

from la_pipeline_failure_predict.model.baselines import LAST_YEAR, PAST_BREAKS, SAME_MONTH
from la_pipeline_failure_predict.model.candidates import (
    AreaMonthGLM,
    BreakModel,
    CohortRate,
    EmpiricalBayes,
    GradientBoosting,
    PipeGLM,
    RegisterGLM,
    WeibullPH,
)
from la_pipeline_failure_predict.model.data import AREA_MONTHS, PIPES, GrainName, Mart
from la_pipeline_failure_predict.model.evaluate import gain_name
from la_pipeline_failure_predict.model.judges import AreaJudge, Judge, PipeJudge
from la_pipeline_failure_predict.model.metrics import SHARE_NAMES


@dataclass(frozen=True)
class Headline:
    """A figure that a model is known by; `report/words.py` says it in words.

    Attributes
    ----------
    is_printed
        Whether a command prints it after training.
    """

    metric: str
    is_printed: bool = True


@dataclass(frozen=True, eq=False)
class Grain:
    """What one row of a prediction is, and everything that depends on it.

    Attributes
    ----------
    rows, period_name
        What a message calls its rows and their periods.
    what, exposure_name
        What is predicted, and the unit of the training exposure, in words.
    mart
        Its feature mart: period, exposure and label.
    score_table
        Declared table that its scores are written to.
    candidates, baselines
        Models that may be trained, and those that are only compared with, by name.
    default_model
        Trained before a backtest has been run.
    judged
        Columns that the rules and the groups of figures read, whatever the model does.
    judge
        How its models are judged.
    rule
        The simple rule that a model card shows beside the model.
    segments
        Rows that are judged apart.
    is_ranked
        Whether its rows are ranked for renewal, and so lie on a map and can be compared one by one
        with a known hazard and last year's outcome.
    headlines
        Figures of its model card.
    limits
        What its models must not be used for.
    """

    name: GrainName
    rows: str
    period_name: str
    what: str
    exposure_name: str
    mart: Mart
    score_table: str
    candidates: Mapping[str, type[BreakModel]]
    baselines: Mapping[str, type[BreakModel]]
    default_model: str
    judged: tuple[str, ...]
    judge: Judge
    rule: str
    segments: tuple[str, ...]
    is_ranked: bool
    headlines: tuple[Headline, ...]
    limits: tuple[str, ...]

    def __str__(self) -> str:
        """Return the name, as commands and tables write it."""
        return self.name

    @property
    def models(self) -> Mapping[str, type[BreakModel]]:
        """Candidates and baselines by name."""
        return {**self.candidates, **self.baselines}


def _by_name(*kinds: type[BreakModel]) -> Mapping[str, type[BreakModel]]:
    return {kind.name: kind for kind in kinds}


MAINS = Grain(
    name="pipe",
    rows="mains",
    period_name="years",
    what="of each main in 12 months",
    exposure_name="km-years",
    mart=PIPES,
    score_table="pipe_scores",
    candidates=_by_name(PipeGLM, EmpiricalBayes, GradientBoosting),
    baselines=_by_name(CohortRate, RegisterGLM, WeibullPH),
    default_model=EmpiricalBayes.name,
    judged=("length_m", "age_years", "breaks_ever", "diameter_mm"),
    judge=PipeJudge(),
    rule=PAST_BREAKS,
    segments=("all", "no_history"),
    is_ranked=True,
    headlines=(
        *(
            Headline(f"capture_at_{name}_length", is_printed=name in ("1pct", "10pct"))
            for name in SHARE_NAMES
        ),
        Headline(gain_name(PAST_BREAKS, "10pct")),
        Headline("auc"),
        Headline("observed_over_expected"),
        Headline("calibration_slope", is_printed=False),
        Headline("brier_skill", is_printed=False),
    ),
    limits=(
        "It ranks mains for planning. It does not say when a main will break, and knows nothing of "
        "pressure transients or of condition assessments.",
        "Ranked by the meter, stubs of a few meters come first: plan whole streets, not stubs.",
        "Mains that were replaced are only in it as far as the inventory keeps them; where it does "
        "not, the record of the mains that are left looks better than it was.",
        "It is not for blame, tariffs or insurance of single customers, and on a synthetic network "
        "it says nothing of any city.",
        "Expected breaks drift with weather and renewal: train again every year, and when "
        "observed/expected leaves the bounds of the seed plausibility_bounds.",
    ),
)
AREAS = Grain(
    name="area_month",
    rows="areas and months",
    period_name="months",
    what="by area and month",
    exposure_name="area-months' exposure",
    mart=AREA_MONTHS,
    score_table="area_month_scores",
    candidates=_by_name(AreaMonthGLM),
    baselines={},
    default_model=AreaMonthGLM.name,
    judged=("same_month_mean", "months_observed", "breaks_ever", "breaks_prior_12m"),
    judge=AreaJudge(),
    rule="last_12_months_rate",
    segments=("all",),
    is_ranked=False,
    headlines=(
        Headline("poisson_deviance"),
        Headline(f"deviance_gain_over_{SAME_MONTH}"),
        Headline(f"deviance_gain_over_{LAST_YEAR}"),
        Headline("observed_over_expected"),
        Headline("calibration_slope", is_printed=False),
    ),
    limits=(
        "It expects breaks of an area and month from its record and the weather before; it cannot "
        "rank the mains of an area.",
        "It knows no forecast: a cold snap within the month is not in it.",
        "Train again every year, and when observed/expected leaves the bounds of the seed "
        "plausibility_bounds.",
    ),
)
GRAINS: Mapping[GrainName, Grain] = {grain.name: grain for grain in (MAINS, AREAS)}
