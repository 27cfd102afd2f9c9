"""A mapping: how one city's columns, units, dates and codes become the landing contract's."""

import datetime as dt
import re
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from la_pipeline_failure_predict.errors import UserError

# What the reader of dates knows after a percent sign.
DATE_DIRECTIVES = set("aAbBcdfgGHIjmMnpSuUVwWxXyYzZ%")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnRule(_Strict):
    """How one column of the contract is filled.

    Exactly one of `from` (one header, or the first present of several) and `constant` is given.
    """

    headers: tuple[str, ...] = Field(default=(), alias="from")
    constant: str | None = None
    unit: str | None = None
    formats: tuple[str, ...] = ()
    codes: dict[str, str | None] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: object) -> object:
        if isinstance(value, str):
            return {"from": (value,)}
        if isinstance(value, list):
            return {"from": tuple(value)}
        if isinstance(value, bool | int | float | dt.date):
            raise ValueError(f"a header is text, but YAML reads {value!r}: write it in quotes")
        if isinstance(value, dict) and isinstance(value.get("from"), str):
            return value | {"from": (value["from"],)}
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if bool(self.headers) == (self.constant is not None):
            raise ValueError("give either 'from' or 'constant'")
        for text in self.formats:
            directives = re.findall(r"%-?(.?)", text)
            if not directives or not DATE_DIRECTIVES.issuperset(directives):
                raise ValueError(f"{text!r} is not a date format: write it as %d.%m.%Y")
        return self


class Lookup(_Strict):
    """A second file whose columns join the delivery by a shared header, as ``name.header``."""

    name: str
    file: str
    on: str

    @model_validator(mode="before")
    @classmethod
    def _bare_on(cls, value: object) -> object:
        """Take the key `on` without quotes, which YAML reads as the truth value."""
        if isinstance(value, dict) and True in value:
            return {("on" if key is True else key): item for key, item in value.items()}
        return value


class Record(_Strict):
    """Period over which the delivery is a systematic record."""

    start: dt.date | None = Field(default=None, alias="from")
    end: dt.date | None = Field(default=None, alias="until")


class SourceMapping(_Strict):
    """The mapping of one source."""

    columns: dict[str, ColumnRule] = Field(default_factory=dict)
    encoding: str | None = None
    delimiter: str | None = None
    nulls: tuple[str, ...] = ()
    decimal: Literal[".", ","] = "."
    thousands: str | None = None
    crs: str | None = None
    lookups: tuple[Lookup, ...] = ()
    record: Record = Record()

    @model_validator(mode="after")
    def _separators(self) -> Self:
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise ValueError(r'delimiter must be one character, such as ";" or "\t"')
        if self.thousands is not None and self.thousands in ("", self.decimal):
            raise ValueError("thousands must be one character that differs from decimal")
        return self


def read_mapping(path: Path, source: str) -> SourceMapping:
    """Read the part of a mapping file that concerns one source.

    Raises
    ------
    UserError
        If the file is missing, not YAML, has no section for the source or a key it does not know.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"No mapping {path}: check the path given to --mapping.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"Mapping {path} is not YAML: {str(error).splitlines()[0]}.") from None
    if not isinstance(content, dict) or source not in content:
        raise UserError(
            f"Mapping {path} has no section {source!r}: add one, as in schemas/mappings/."
        )
    try:
        return SourceMapping.model_validate(content[source] or {})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in (source, *first["loc"]))
        fix = ": write it in quotes" if first["type"] == "string_type" else ""
        raise UserError(f"Mapping {path}, {place}: {first['msg']}{fix}.") from None
