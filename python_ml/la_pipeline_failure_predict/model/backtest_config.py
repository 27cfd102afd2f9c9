"""The configuration of a backtest, as `schemas/backtest.yml` writes and explains it."""

import csv
import datetime as dt
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.candidates import BreakModel
from la_pipeline_failure_predict.model.champion import Band
from la_pipeline_failure_predict.model.features import Features
from la_pipeline_failure_predict.model.grains import Grain
from la_pipeline_failure_predict.yaml_files import explain_invalid, read_typed

CONFIG_FILE = Path("schemas") / "backtest.yml"
# Its bounds of observed over expected tell when to train again, and which candidate may be trained.
BOUNDS_FILE = Path("seeds") / "plausibility_bounds.csv"
RATIO = "observed_over_expected"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SpatialConfig(_Strict):
    """The second report: square blocks of the network held out."""

    block_m: float = Field(default=1000.0, ge=1, le=1_000_000)
    folds: int = Field(default=5, ge=2, le=1000)
    origins: int = Field(default=3, ge=1, le=1000)


class BacktestConfig(_Strict):
    """One grain's section."""

    models: dict[str, dict[str, object]]
    baselines: dict[str, dict[str, object]] = Field(default_factory=dict)
    attributes: bool = True
    decision_shares: tuple[float, ...] = (0.01, 0.1)
    ratio_band: Band = (None, None)
    slope_band: Band = (0.9, 1.1)
    first_origin: dt.date | None = None
    least_training_months: int = Field(default=48, ge=1, le=1200)
    origin_every_months: int = Field(default=12, ge=1, le=1200)
    test_months: int = Field(default=12, ge=1, le=1200)
    gap_months: int = Field(default=0, ge=0, le=1200)
    held_back_origins: int = Field(default=2, ge=0, le=1000)
    resamples: int = Field(default=1000, ge=20, le=1_000_000)
    max_training_rows: int = Field(default=500_000, ge=1000)
    seed: int = Field(default=1, ge=0, le=2**32 - 1)
    spatial: SpatialConfig | None = None

    @field_validator("models", "baselines", mode="before")
    @classmethod
    def _names_alone(cls, value: object) -> object:
        if isinstance(value, list):
            return {str(name): {} for name in value}
        if isinstance(value, dict):
            return {name: parameters or {} for name, parameters in value.items()}
        return value

    @field_validator("models")
    @classmethod
    def _at_least_one(cls, value: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
        if not value:
            raise ValueError("name at least one model")
        return value

    @field_validator("decision_shares")
    @classmethod
    def _reported(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        from la_pipeline_failure_predict.model.metrics import SHARES

        if not value or any(share not in SHARES for share in value):
            raise ValueError(f"choose among {', '.join(str(share) for share in SHARES)}")
        return value

    def make(self, features: Features) -> tuple[list[BreakModel], list[BreakModel]]:
        """Return the unfitted candidates and baselines; trees get the seed.

        Raises
        ------
        UserError
            If a model or a parameter is not known, or a baseline is named as a candidate.
        """
        for name in self.models:
            if name in features.grain.baselines:
                raise UserError(
                    f"{name} is a baseline, which cannot become champion: list it under baselines."
                )
        made = [
            [features.make_model(name, given) for name, given in listed.items()]
            for listed in (self.models, self.baselines)
        ]
        for models in made:
            for model in models:
                if "random_state" in model.get_params():
                    model.set_params(random_state=self.seed)
        return made[0], made[1]


def read_config(root: Path, grain: Grain, path: Path | None = None) -> BacktestConfig:
    """Read a grain's section of a configuration file, the project's own when None.

    Raises
    ------
    UserError
        If the file or the seed of the bounds is missing, or the file is not YAML, has no section
        for the grain, or an entry is wrong.
    """
    file = path or root / CONFIG_FILE
    try:
        content = read_typed(file, "Configuration")
    except FileNotFoundError:
        raise UserError(f"No configuration {file}: check the path given to --config.") from None
    if not isinstance(content, dict) or not isinstance(content.get(grain.name), dict):
        raise UserError(f"{file} has no section {grain.name!r}: add one, as in {CONFIG_FILE}.")
    try:
        config = BacktestConfig.model_validate(
            {"ratio_band": read_ratio_band(root)} | content[grain.name]
        )
    except ValidationError as error:
        wrong = explain_invalid(error, BacktestConfig, grain.name)
        raise UserError(f"{file}, {wrong}.") from None
    if config.spatial and not grain.is_ranked:
        raise UserError(f"{file}, {grain}.spatial: only mains have blocks; remove it.")
    return config


def read_ratio_band(root: Path) -> Band:
    """Return the bounds of observed over expected in the seed, the narrowest of all severities.

    Raises
    ------
    UserError
        If the seed is missing.
    """
    try:
        with (root / BOUNDS_FILE).open(encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["figure"] == RATIO]
    except OSError:
        raise UserError(f"There is no {root / BOUNDS_FILE}: copy it from the project.") from None
    lower, upper = (
        [float(row[bound]) for row in rows if row[bound]]
        for bound in ("lower_bound", "upper_bound")
    )
    return max(lower, default=None), min(upper, default=None)
