"""A mapping: how one city's columns, units, dates and codes become the landing contract's."""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.vintages import DEFAULT_EXTENTS, Extent
from la_pipeline_failure_predict.yaml_files import explain_invalid, read_written

# What the reader of dates knows after a percent sign.
DATE_DIRECTIVES = set("aAbBcdfgGHIjmMnpSuUVwWxXyYzZ%")
# Days as a number -> what it counts.
NUMBERED_DAYS = {
    "epoch_ms": "milliseconds since 1970",
    "epoch_s": "seconds since 1970",
    "excel": "a day number of Excel",
}
# Words of an attribute's name that say that it holds the breaks that are to be predicted.
OUTCOMES = frozenset(
    (
        *("bre", "break", "breaks", "broken", "burst", "bursts", "cleaned", "cof", "condition"),
        *("consequence", "criticality", "defect", "defects", "fail", "failed", "failure"),
        *("failures", "grade", "leak", "leaks", "likelihood", "lof", "repair", "repairs"),
        *("risk", "score", "status"),
    )
)


def one_line(header: str) -> str:
    """Return a header without the line breaks that a cell may have."""
    return re.sub(r"\s*[\r\n]+\s*", " ", header.strip())


def plain_spelling(header: str) -> str:
    """Return the letters and digits of a header, in lower case: spellings that stand for one."""
    return re.sub(r"[^a-z0-9]", "", header.lower())


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnRule(_Strict):
    """How one column of the contract is filled.

    Exactly one of `from` (one header, or the first present of several), `constant` and `derived`
    (an identifier made of the row's content) is given.

    Attributes
    ----------
    pivot
        The newest year that two digits can mean; None for this year.
    """

    headers: tuple[str, ...] = Field(default=(), alias="from")
    constant: str | None = None
    derived: bool = False
    unit: str | None = None
    formats: tuple[str, ...] = ()
    pivot: int | None = None
    codes: dict[str, str | None] = Field(default_factory=dict)

    @field_validator("headers")
    @classmethod
    def _in_one_line(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(one_line, value))

    @field_validator("pivot")
    @classmethod
    def _whole_year(cls, value: int | None) -> int | None:
        if value is not None and not 1900 <= value <= 2100:
            raise ValueError("pivot is the newest year that two digits can mean, such as 2010")
        return value

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: object) -> object:
        if isinstance(value, str):
            return {"from": (value,)}
        if isinstance(value, list):
            return {"from": tuple(value)}
        if value is None:
            raise ValueError("names no header")
        if isinstance(value, dict):
            single = {key for key in ("from", "formats") if isinstance(value.get(key), str)}
            return value | {key: (value[key],) for key in single}
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if [bool(self.headers), self.constant is not None, self.derived].count(True) != 1:
            raise ValueError("give one of 'from', 'constant' and 'derived: true'")
        for text in self.formats:
            if text in NUMBERED_DAYS:
                continue
            directives = re.findall(r"%-?(.?)", text)
            if not directives or not DATE_DIRECTIVES.issuperset(directives):
                raise ValueError(
                    f"{text!r} is not a date format: write it as %d.%m.%Y, or name one of "
                    f"{', '.join(NUMBERED_DAYS)}"
                )
        return self


class AttributeRule(_Strict):
    """How an attribute of the mains that no column of the contract holds is filled.

    Attributes
    ----------
    unit
        Unit of a number, as people read it; it is not converted.
    as_of
        Day from which the value holds: one day for all mains, or the column that has it. None for
        what is true of a main at any time.
    before
        Value that held until then; it holds throughout where a main has it and no day.
    """

    headers: tuple[str, ...] = Field(alias="from", min_length=1)
    type: Literal["number", "category"]
    unit: str | None = Field(default=None, max_length=40)
    as_of: dt.date | ColumnRule | None = None
    before: str | None = None
    codes: dict[str, str | None] = Field(default_factory=dict)

    @field_validator("headers", mode="before")
    @classmethod
    def _one_header(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("as_of", mode="before")
    @classmethod
    def _day(cls, value: object) -> object:
        if not (isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)):
            return value
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value} is no day") from None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.unit and self.type == "category":
            raise ValueError("only a number has a unit")
        if self.before is not None and self.as_of is None:
            raise ValueError("before needs as_of, the day until which it held")
        return self

    @property
    def value(self) -> ColumnRule:
        """How the value is read."""
        return ColumnRule.model_validate({"from": self.headers, "codes": self.codes})


class Lookup(_Strict):
    """A second file whose columns join the delivery by a shared header, as ``name.header``."""

    name: str
    file: str
    on: str


class Record(_Strict):
    """Period over which the delivery is a systematic record."""

    start: dt.date | None = Field(default=None, alias="from")
    end: dt.date | None = Field(default=None, alias="until")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start and self.end and self.start >= self.end:
            raise ValueError(f"from {self.start} is not before until {self.end}: swap them")
        if self.end and self.end > dt.date.today() + dt.timedelta(days=1):
            raise ValueError(
                f"until {self.end} is in the future, where nothing is recorded yet: write the day "
                "of the newest break that the record can hold"
            )
        return self


class SourceMapping(_Strict):
    """The mapping of one source.

    Attributes
    ----------
    identifiers
        How identifiers are compared: None takes ``'17`` and ``17.0`` for ``17``, number also
        ``00017``, text takes them as they are delivered.
    """

    columns: dict[str, ColumnRule] = Field(default_factory=dict)
    attributes: dict[str, AttributeRule] = Field(default_factory=dict)
    encoding: str | None = None
    delimiter: str | None = None
    layer: str | None = None
    sheet: str | int | None = None
    header_row: int | None = Field(default=None, ge=1, le=10_000)
    extent: Extent | None = None
    nulls: tuple[str, ...] = ()
    decimal: Literal[".", ","] = "."
    thousands: str | None = None
    crs: str | None = None
    identifiers: Literal["number", "text"] | None = None
    lookups: tuple[Lookup, ...] = ()
    record: Record = Record()

    @field_validator("attributes")
    @classmethod
    def _no_outcomes(cls, value: dict[str, AttributeRule]) -> dict[str, AttributeRule]:
        for name, rule in value.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name):
                raise ValueError(
                    f"{name!r} is not a name: write it in small letters, digits and underscores"
                )
            words = [word for text in (name, *rule.headers) for word in _words(text)]
            outcome = next((word for word in words if word in OUTCOMES), None)
            if outcome and rule.as_of is None:
                raise ValueError(
                    f"{name} is named as an outcome ({outcome}), so it would tell a model the "
                    "breaks to predict: give as_of, the day from which it was known, or leave it "
                    "out"
                )
        return value

    @property
    def named_headers(self) -> frozenset[str]:
        """All headers that the mapping names."""
        rules = (*self.columns.values(), *self.further)
        return frozenset(header for rule in rules for header in rule.headers)

    @property
    def further(self) -> Iterator[ColumnRule]:
        """Rules of what is read besides the columns of the contract."""
        for rule in self.attributes.values():
            yield rule.value
            if isinstance(rule.as_of, ColumnRule):
                yield rule.as_of

    @model_validator(mode="after")
    def _separators(self) -> Self:
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise ValueError(r'delimiter must be one character, such as ";" or "\t"')
        if self.thousands is not None and self.thousands in ("", self.decimal):
            raise ValueError("thousands must be one character that differs from decimal")
        return self


def _words(text: str) -> list[str]:
    """Return the words of a name: LeakCount, LEAK_COUNT and leak count are the same."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)]


def read_mapping(path: Path, source: str) -> SourceMapping:
    """Read the part of a mapping file that concerns one source.

    Raises
    ------
    UserError
        If the file is missing, not YAML, has no section for the source or a key that is not known.
    """
    try:
        content = read_written(path, "Mapping")
    except OSError:
        raise UserError(f"No mapping {path}: check the path given to --mapping.") from None
    if not isinstance(content, dict) or source not in content:
        others = ", ".join(map(str, content)) if isinstance(content, dict) else ""
        raise UserError(
            f"Mapping {path} has no section {source!r}{f', only {others}' if others else ''}: add "
            "one, as in schemas/mappings/."
        )
    given = content[source] or {}
    if isinstance(given, dict) and "identifiers" in content:
        # Said once for all sources: identifiers match only if both sides are read alike.
        given = {"identifiers": content["identifiers"]} | given
    try:
        mapping = SourceMapping.model_validate(given)
    except ValidationError as error:
        wrong = explain_invalid(error, SourceMapping, source)
        raise UserError(f"Mapping {path}, {wrong}.") from None
    if mapping.extent and source not in DEFAULT_EXTENTS:
        raise UserError(
            f"Mapping {path}, {source}.extent: only pipes and breaks are full or partial."
        )
    if mapping.attributes and source != "pipes":
        raise UserError(f"Mapping {path}, {source}.attributes: only pipes have attributes.")
    return mapping
