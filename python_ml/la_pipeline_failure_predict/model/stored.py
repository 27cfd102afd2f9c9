"""Rows of the tables in ``ml`` as they must be; what someone else has changed is told at once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    ValidationError,
    model_validator,
)

from la_pipeline_failure_predict.errors import UserError

Transform = Literal[
    "intercept",
    "indicator",
    "missing",
    "linear",
    "log",
    "log1p",
    "eb_shape",
    "eb_shape_power",
    "eb_breaks",
    "eb_years",
    "eb_recent_years",
]
"""Those of `model.design`."""
WITHOUT_FEATURE = ("intercept", "eb_shape", "eb_shape_power")
MOST_CHARACTERS = 10_000_000
"""Of a text that holds JSON."""


def _not_huge(value: object) -> object:
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        raise ValueError(f"it has more than {MOST_CHARACTERS:,} characters")
    return value


NOT_HUGE = BeforeValidator(_not_huge)


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class StoredFit(_Row):
    """What tells a fit from others: a row of ``model_runs``."""

    run_id: str = Field(min_length=1)
    trained_until: date
    trained_at: datetime
    model_name: str


class StoredSummary(_Row):
    """What a fit learned from: a row of ``model_runs``."""

    model_name: str
    trained_until: date
    row_count: int = Field(ge=0)
    break_count: int = Field(ge=0)


class StoredCard(StoredFit, StoredSummary):
    """All of a row of ``model_runs``."""

    train_from: date
    exposure: float
    parameters: Annotated[Json[dict[str, Any]], NOT_HUGE]
    versions: Annotated[Json[dict[str, str]], NOT_HUGE] = Field(alias="library_versions")


class StoredTerm(_Row):
    """A term and its coefficient: a row of ``model_coefficients``."""

    feature: str | None
    transform: Transform
    level: str | None
    center: float
    scale: float
    coefficient: float = Field(ge=-1e6, le=1e6)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.scale == 0:
            raise ValueError("scale must not be 0")
        if (self.feature is None) != (self.transform in WITHOUT_FEATURE):
            raise ValueError(f"feature {self.feature!r} does not go with {self.transform}")
        if self.transform == "indicator" and self.level is None:
            raise ValueError("an indicator needs a level")
        return self


class _Judged(_Row):
    models: dict[str, dict[str, Any]]


class _BacktestParameters(_Row):
    config: _Judged


class StoredBacktest(_Row):
    """The result of a backtest: a row of ``backtests``."""

    backtest_id: str = Field(min_length=1)
    champion: str = Field(min_length=1)
    champion_reason: str
    parameters: Annotated[Json[_BacktestParameters], NOT_HUGE]


Stored = TypeVar("Stored", bound=_Row)


def read_stored(kind: type[Stored], rows: Iterable[Mapping[str, object]], fix: str) -> list[Stored]:
    """Return rows as what they must be.

    Parameters
    ----------
    fix
        Where a bad row is and what to do about it: "ml.x of run y", "delete ...".

    Raises
    ------
    UserError
        If one is not.
    """
    try:
        return [kind.model_validate(row) for row in rows]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"A row that la-pipes wrote has been changed ({place or 'row'}: {_words(first)}): {fix}"
        ) from None


def _words(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "literal_error":
        return f"{fault['input']!r} is none of {', '.join(get_args(Transform))}"
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    given = repr(fault["input"])
    return f"{str(fault['msg'])[:100]}, got {given if len(given) <= 60 else given[:60] + '...'}"


def delete_run(run_id: str | None) -> str:
    """Return what to do about a run that cannot be used."""
    which = "run_id is null" if run_id is None else f"run_id = '{run_id}'"
    return f"delete from ml.model_runs where {which}, then run la-pipes train."


def check_columns(run_id: str, used: Iterable[str], known: Sequence[str]) -> None:
    """Refuse a fit that reads what there is not.

    Raises
    ------
    UserError
        If it does.
    """
    if unknown := sorted(set(used) - set(known)):
        raise UserError(
            f"Run {run_id} reads {', '.join(repr(name) for name in unknown[:3])}, which the "
            f"features do not have: run la-pipes build; if that does not help, {delete_run(run_id)}"
        )
