"""What may stand in `config.meta.powerbi`: a misspelled setting is refused, not skipped."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from la_pipeline_failure_predict.errors import UserError

Settings = TypeVar("Settings", bound="Declared")
Value = str | int | float | bool


class Declared(BaseModel):
    """Settings of which every name is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RoleSettings(Declared):
    """A role whose members see the rows that a table of readers names.

    Attributes
    ----------
    reader, sees
        Columns of the user names, and of what each of them may see.
    """

    name: str
    description: str
    reader: str
    sees: str


class TableSettings(Declared):
    """Of a view; `table` is its name for readers."""

    table: str
    hidden: bool = False
    date_table: bool = False
    standalone: str = ""
    hierarchies: dict[str, list[str]] = {}
    role: RoleSettings | None = None


class ColumnSettings(Declared):
    """Of a column; what is not set follows from its name and type."""

    name: str | None = None
    hidden: bool = False
    format: str | None = None
    folder: str | None = None
    sort_by: str | None = None


class SortSettings(Declared):
    """Order of a visual's rows."""

    by: str
    descending: bool = False


class VisualSettings(Declared):
    """Of a visual; `at` is column, row, width and height on the grid."""

    title: str
    kind: str
    at: tuple[int, int, int, int]
    fields: dict[str, list[str]] = {}
    filters: dict[str, list[Value]] = {}
    sort: SortSettings | None = None


class PageSettings(Declared):
    """Of a page of a report."""

    name: str
    slicers: list[str] = []
    drillthrough: str | None = None
    filters: dict[str, list[Value]] = {}
    visuals: list[VisualSettings] = []


class ReportSettings(Declared):
    """Of an exposure; `template` names the page of the template."""

    template: str | None = None
    pages: list[PageSettings] = Field(min_length=1)


def read_declared(kind: type[Settings], declared: Mapping[str, Any], owner: str) -> Settings:
    """Read settings of `config.meta.powerbi`.

    Parameters
    ----------
    owner
        What they are of, such as ``pbi_areas.area_id``.

    Raises
    ------
    UserError
        If a setting is not known, missing or of another type.
    """
    try:
        return kind.model_validate(declared)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{owner}: config.meta.powerbi.{place} is not valid ({first['msg']}); fix it in its "
            "YAML."
        ) from None
