"""The features that a grain's models read, as the YAML of the feature marts declares them.

Each column of a mart says in its `config.meta.feature` how it enters a model, or why it never can:
a condition score, status or count of an inventory is as of the extract and holds the outcome.
Combinations of columns stand in the mart's own `config.meta.combinations`. Attributes that a
mapping names are features of every model, under the name ``attribute:<name>``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.attributes import Attribute, read_attributes
from la_pipeline_failure_predict.model.candidates import BreakModel, DesignModel
from la_pipeline_failure_predict.model.data import columns_of
from la_pipeline_failure_predict.model.design import Design, Number
from la_pipeline_failure_predict.model.grains import MAINS, Grain
from la_pipeline_failure_predict.warehouse.base import Warehouse

FEATURES_FILE = Path("models/marts/features/_features__models.yml")
Transform = Literal["indicator", "linear", "log", "log1p"]
Reader = Literal["poisson_glm", "empirical_bayes", "gradient_boosting", "register_glm", "weibull"]


class Feature(BaseModel):
    """What `config.meta.feature` says of a column, or an entry of the combinations.

    Attributes
    ----------
    excluded
        Why it can never be a feature; then nothing else is given.
    transform
        How it becomes a term, as `model.design` explains.
    reason
        Reason code that its terms count towards; mains only.
    monotone
        The only direction in which more of it can move the rate, for boosted trees; None for
        either.
    enters
        Models that read it; one that no model reads yet may be tried in any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    excluded: str | None = None
    transform: Transform | None = None
    reason: str | None = None
    monotone: Literal["increasing", "decreasing"] | None = None
    enters: tuple[Reader, ...] = ()

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.excluded is None) == (self.transform is None):
            raise ValueError("give either excluded, with the reason, or transform")
        if self.excluded and (self.enters or self.reason or self.monotone):
            raise ValueError("an excluded column cannot enter a model")
        if self.monotone and self.transform == "indicator":
            raise ValueError("levels have no order to be monotone in")
        return self

    @property
    def sign(self) -> int:
        """1 where more of it can only mean more breaks, -1 fewer, 0 either way."""
        return {None: 0, "increasing": 1, "decreasing": -1}[self.monotone]


@dataclass(frozen=True)
class Features:
    """The features of a grain, in the order of the YAML: columns, then combinations."""

    grain: Grain
    declared: Mapping[str, Feature]

    def design(self, model_name: str) -> Design:
        """Return what a model reads."""
        read = {name: item for name, item in self.declared.items() if model_name in item.enters}
        return Design(
            levels=tuple(name for name, item in read.items() if item.transform == "indicator"),
            numbers=tuple(
                Number(name, str(item.transform), item.sign)
                for name, item in read.items()
                if item.transform != "indicator"
            ),
        )

    def make_model(self, name: str, parameters: Mapping[str, object] | None = None) -> BreakModel:
        """Return an unfitted candidate or baseline of the grain.

        Parameters
        ----------
        parameters
            Its parameters, where they are not the defaults.

        Raises
        ------
        UserError
            If the grain has no such model, or the model no such parameter.
        """
        known = self.grain.models
        if name not in known:
            raise UserError(
                f"There is no {self.grain} model {name!r}; there are {', '.join(known)}."
            )
        kind = known[name]
        model = kind(self.design(name)) if issubclass(kind, DesignModel) else kind()
        given = dict(parameters or {})
        unknown = sorted(set(given) - set(model.get_params()))
        if unknown:
            accepted = ", ".join(sorted(set(model.get_params()) - {"design"}))
            raise UserError(f"{name} has no parameter {', '.join(unknown)}; it has {accepted}.")
        return model.set_params(**given)

    def with_attributes(self, warehouse: Warehouse) -> "Features":
        """Return them with the attributes that a warehouse holds, which every model reads."""
        if self.grain is not MAINS:
            return self
        named = {item.feature: _of_attribute(item) for item in read_attributes(warehouse)}
        return Features(self.grain, {**self.declared, **named})

    def check(self, features: Iterable[str]) -> None:
        """Refuse features that are made of a column that may not be one.

        Raises
        ------
        UserError
            Naming the first, and why not.
        """
        for column in sorted({column for feature in features for column in columns_of(feature)}):
            found = self.declared.get(column)
            if found is None or found.excluded:
                why = found.excluded if found else f"{FEATURES_FILE.name} does not declare it"
                raise UserError(f"{column} may not be a feature of the {self.grain} model: {why}.")


def _of_attribute(item: Attribute) -> Feature:
    transform: Transform = "indicator"
    if item.least is not None:
        transform = "log1p" if item.least >= 0 else "linear"
    return Feature(transform=transform, reason=item.feature, enters=get_args(Reader))


@lru_cache
def read_features(root: Path, grain: Grain) -> Features:
    """Read the features of a grain from the YAML of its mart.

    Raises
    ------
    UserError
        If the file is missing, a column says nothing of its feature, or a setting is not right.
    """
    mart = grain.mart.name
    declared = dict(_declared(mart, _mart(root, mart)))
    for name, item in declared.items():
        unknown = [column for column in columns_of(name) if column not in declared]
        if unknown:
            raise UserError(f"{mart}.{name}: the mart has no column {unknown[0]}.")
        if grain.is_ranked and item.enters and not item.reason:
            raise UserError(
                f"{mart}.{name}: name the reason that it counts towards in its YAML, such as soil."
            )
    return Features(grain, declared)


def _mart(root: Path, name: str) -> Mapping[str, Any]:
    try:
        text = (root / FEATURES_FILE).read_text(encoding="utf-8")
        content = yaml.load(text, Loader=yaml.CSafeLoader)
    except OSError:
        raise UserError(f"There is no {root / FEATURES_FILE}: copy it from the project.") from None
    return next(model for model in content["models"] if model["name"] == name)


def _declared(mart: str, model: Mapping[str, Any]) -> Iterator[tuple[str, Feature]]:
    for column in model["columns"]:
        given = column.get("config", {}).get("meta", {}).get("feature")
        yield column["name"], _feature(f"{mart}.{column['name']}", given)
    combinations = model.get("config", {}).get("meta", {}).get("combinations", {})
    for name, given in combinations.items():
        yield name, _feature(f"{mart}.{name}", given)


def _feature(owner: str, given: object) -> Feature:
    try:
        return Feature.model_validate(given or {})
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f".{part}" for part in first["loc"])
        raise UserError(
            f"{owner}: config.meta.feature{place} is not valid ({first['msg']}); fix it in "
            f"{FEATURES_FILE}."
        ) from None
