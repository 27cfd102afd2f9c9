"""What `la-pipes inspect` finds in a file: its columns, guesses, and a mapping that loads."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import atomic_write
from la_pipeline_failure_predict.sources.guess import Guess, guess, guess_table
from la_pipeline_failure_predict.sources.landing import Landed, land
from la_pipeline_failure_predict.sources.mapping import SourceMapping
from la_pipeline_failure_predict.sources.profile import ColumnProfile, profile
from la_pipeline_failure_predict.sources.reading import read_file
from la_pipeline_failure_predict.tables import Table
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.yaml_files import read_written

UTILITY_SOURCES = ("pipes", "breaks", "areas", "soils", "climate")
RELATION = "inspected"
DECIMAL_COMMA = re.compile(r"^[-+]?\d+(\.\d{3})*,(\d{1,2}|\d{4,})$")
GROUPED = re.compile(r"^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$")
FALLBACK_ENCODING = "cp1252"
"""Of a text that is not UTF-8: what Excel and Windows write."""


@dataclass(frozen=True)
class Inspected:
    """A file as it is, what its columns probably are, and how it would load.

    Attributes
    ----------
    lacking
        Required columns for which no header was found.
    landed
        The result of loading it with the mapping that the guesses make; None where it does not
        load, for the reason in `fault`.
    """

    table: Table
    profiles: tuple[ColumnProfile, ...]
    guesses: tuple[Guess, ...]
    reading: Mapping[str, str]
    lacking: tuple[str, ...]
    landed: Landed | None
    fault: str

    @property
    def rows(self) -> int:
        """Number of rows of the file."""
        return self.profiles[0].rows if self.profiles else 0

    @property
    def section(self) -> str:
        """The mapping's section of the source, as YAML."""
        return write_section(self.table.name, self.guesses, self.reading, self.profiles)


def inspect_file(
    scratch: Scratch,
    root: Path,
    tables: Mapping[str, Table],
    path: Path,
    source: str | None = None,
    given: SourceMapping | None = None,
) -> Inspected:
    """Read a file and guess what it holds.

    Parameters
    ----------
    tables
        The declared tables, by name.
    source
        What it is loaded as; None guesses that too.
    given
        How the file is read: layer, sheet, encoding and the like.

    Raises
    ------
    UserError
        If the source is none of a utility's, or the file cannot be read.
    """
    if source is not None and source not in UTILITY_SOURCES:
        raise UserError(
            f"inspect guesses columns of {', '.join(UTILITY_SOURCES)}; {source!r} has a format of "
            "its own, and needs no mapping."
        )
    reading = _read(scratch, path, given or SourceMapping())
    profiles = profile(scratch, RELATION)
    candidates = [tables[name] for name in UTILITY_SOURCES]
    table = tables[source] if source else guess_table(root, candidates, profiles, path.stem)
    guesses = guess(root, table, profiles)
    reading = reading | _number_marks(guesses, profiles)
    text = write_section(table.name, guesses, reading, profiles)
    mapping = SourceMapping.model_validate(yaml.safe_load(text)[table.name] or {})
    landed, fault = _try(scratch, table, mapping)
    return Inspected(
        table=table,
        profiles=tuple(profiles),
        guesses=tuple(guesses),
        reading=reading,
        lacking=() if landed else tuple(_lacking(table, guesses)),
        landed=landed,
        fault=fault,
    )


def write_section(
    table: str,
    guesses: Sequence[Guess],
    reading: Mapping[str, str],
    profiles: Sequence[ColumnProfile],
) -> str:
    """Return a mapping's section as YAML, with what is in doubt as comments."""
    lines = [f"{table}:", *(f"  {key}: {_scalar(value)}" for key, value in reading.items())]
    lines.append("  columns:" if any(item.is_usable for item in guesses) else "  columns: {}")
    for item in guesses:
        doubt = f"  # {item.doubt}" if item.doubt else ""
        lines.append(f"    {'' if item.is_usable else '# '}{item.column}: {_rule(item)}{doubt}")
    used = {item.header for item in guesses}
    unused = [_scalar(column.header) for column in profiles if column.header not in used]
    lines += [f"  # not used: {header}" for header in unused]
    return "\n".join(lines) + "\n"


def add_section(path: Path, table: str, section: str) -> None:
    """Write a section to a mapping file, after the sections of other sources.

    Raises
    ------
    UserError
        If the file has that section already, or is no mapping.
    """
    before = ""
    if path.exists():
        before = path.read_text(encoding="utf-8")
        content = read_written(path, "Mapping")
        if content is not None and not isinstance(content, dict):
            raise UserError(f"{path} is no mapping: name another file with --to.")
        if content and table in content:
            raise UserError(
                f"{path} has a section {table!r} already: name another file with --to, or take "
                "the section out first."
            )
        before = before.rstrip("\n") + "\n" if before.strip() else ""
    with atomic_write(path, encoding="utf-8") as file:
        file.write(before + section)


def _rule(item: Guess) -> str:
    rule: dict[str, object] = {"from": item.header}
    if item.unit:
        rule["unit"] = item.unit
    if item.formats:
        rule["formats"] = list(item.formats)
    if item.emptied:
        rule["codes"] = dict.fromkeys(item.emptied)
    return _scalar(item.header if len(rule) == 1 else rule)


def _scalar(value: object) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=True, width=float("inf"), sort_keys=False, allow_unicode=True
    )
    return text.removesuffix("...\n").strip()


def _read(scratch: Scratch, path: Path, given: SourceMapping) -> dict[str, str]:
    """Read a file; return the keys of a mapping that it takes to read it."""
    read_as = given
    try:
        read_file(scratch, path, RELATION, given)
    except UserError as error:
        if given.encoding or "name its encoding" not in str(error):
            raise
        read_as = given.model_copy(update={"encoding": FALLBACK_ENCODING})
        read_file(scratch, path, RELATION, read_as)
    keys = ("encoding", "delimiter", "layer", "sheet", "header_row", "crs")
    named = {key: getattr(read_as, key) for key in keys}
    return {key: value for key, value in named.items() if value is not None}


def _number_marks(guesses: Sequence[Guess], profiles: Sequence[ColumnProfile]) -> dict[str, str]:
    """Return the marks in numbers that differ from the usual ones."""
    by_header = {column.header: column for column in profiles}
    numeric = [by_header[item.header] for item in guesses if by_header[item.header].is_numeric]
    texts = [text for column in numeric for text in column.telling]
    if any(DECIMAL_COMMA.match(text) for text in texts):
        grouped = any("." in text and "," in text for text in texts)
        return {"decimal": ","} | ({"thousands": "."} if grouped else {})
    return {"thousands": ","} if any(GROUPED.match(text) for text in texts) else {}


def _lacking(table: Table, guesses: Sequence[Guess]) -> list[str]:
    found = {item.column for item in guesses if item.is_usable}
    return [
        column.name
        for column in table.delivered
        if column.required and not column.derived_from and column.name not in found
    ]


def _try(scratch: Scratch, table: Table, mapping: SourceMapping) -> tuple[Landed | None, str]:
    """Load the rows into the scratch database; return the result, or why they do not load."""
    try:
        return land(scratch, table, RELATION, mapping), ""
    except UserError as error:
        return None, str(error)
