"""A Power BI project as its files hold it, with what rules ask of it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.powerbi.lint.dax_tokens import Dax, read_dax
from la_pipeline_failure_predict.powerbi.lint.m_names import MNames, read_m
from la_pipeline_failure_predict.powerbi.lint.rules import Spot
from la_pipeline_failure_predict.powerbi.model import Relationship
from la_pipeline_failure_predict.powerbi.names import written, written_table
from la_pipeline_failure_predict.powerbi.pbir_reader import ReportFiles
from la_pipeline_failure_predict.powerbi.tmdl_reader import Declaration, ReadModel, unquoted

# Power BI does not tell uppercase from lowercase.
Key = tuple[str, str]


def key_of(table: str, name: str) -> Key:
    """Return what a column or measure is found by."""
    return table.casefold(), name.casefold()


@dataclass(frozen=True)
class Member:
    """A column or measure, and the table it is in."""

    table: Declaration
    declared: Declaration

    @property
    def name(self) -> str:
        """Its own name."""
        return self.declared.name

    @property
    def key(self) -> Key:
        """What it is found by."""
        return key_of(self.table.name, self.name)

    @property
    def is_hidden(self) -> bool:
        """Whether a reader of reports does not see it."""
        return self.declared.is_hidden or self.table.is_hidden

    @property
    def type(self) -> str:
        """Data type of a column."""
        return self.declared.properties.get("dataType", "")

    @property
    def sorted_by(self) -> Key | None:
        """Key of the column that it is sorted by."""
        name = self.declared.properties.get("sortByColumn")
        return key_of(self.table.name, unquoted(name)) if name else None

    def __str__(self) -> str:
        return written(self.table.name, self.name)


@dataclass(frozen=True)
class Link:
    """A relationship, with what the files say of how it filters."""

    declared: Declaration
    ends: Relationship

    @property
    def many(self) -> Key:
        """Key of the column on the side of the many."""
        return key_of(self.ends.from_table, self.ends.from_column)

    @property
    def one(self) -> Key:
        """Key of the column on the side of the one."""
        return key_of(self.ends.to_table, self.ends.to_column)

    @property
    def is_active(self) -> bool:
        """Whether it filters without being asked."""
        return self._is("isActive", "", "true")

    @property
    def is_both_ways(self) -> bool:
        """Whether the many filter the one too."""
        return not self._is("crossFilteringBehavior", "", "oneDirection")

    @property
    def is_many_to_one(self) -> bool:
        """Whether it is of the usual kind, from many to one."""
        return self._is("fromCardinality", "", "many") and self._is("toCardinality", "", "one")

    def _is(self, name: str, *values: str) -> bool:
        return self.declared.properties.get(name, "") in values

    def __str__(self) -> str:
        ends = self.ends
        many = written(ends.from_table, ends.from_column)
        return f"{many} -> {written(ends.to_table, ends.to_column)}"


@dataclass(frozen=True)
class Formula:
    """A DAX expression: of a measure, a calculated column, or a role's filter of a table.

    Attributes
    ----------
    table
        Table whose columns it may name without their table.
    """

    spot: Spot
    table: str
    declared: Declaration
    dax: Dax


@dataclass(frozen=True)
class Project:
    """A semantic model and the reports on it.

    Attributes
    ----------
    folder
        Folder of the project: files are named from it.
    model_folder
        Folder of the semantic model.
    """

    folder: Path
    model_folder: Path
    read: ReadModel
    reports: tuple[ReportFiles, ...]

    def of(self, kind: str) -> list[Declaration]:
        """Return what the model's files declare of a kind."""
        return self.read.details.of(kind)

    def path_of(self, path: Path) -> str:
        """Return a file's path from the project's folder."""
        return Path(os.path.relpath(path, self.folder)).as_posix()

    def spot(self, one: Declaration | Member | Link) -> Spot:
        """Return where an object of the model is declared."""
        declared = one if isinstance(one, Declaration) else one.declared
        thing = _title(one) if isinstance(one, Declaration) else str(one)
        return Spot(f"{self.path_of(self.model_folder)}/{declared.place}", thing)

    @cached_property
    def tables(self) -> list[Declaration]:
        """Tables of the model."""
        return self.of("table")

    @cached_property
    def tables_by_name(self) -> Mapping[str, Declaration]:
        """Tables by their names in lowercase."""
        return {table.name.casefold(): table for table in self.tables}

    @cached_property
    def columns(self) -> list[Member]:
        """Columns of all tables."""
        return [Member(table, one) for table in self.tables for one in table.of("column")]

    @cached_property
    def measures(self) -> list[Member]:
        """Measures of all tables."""
        return [Member(table, one) for table in self.tables for one in table.of("measure")]

    @cached_property
    def columns_by_key(self) -> Mapping[Key, Member]:
        """Columns by table and name in lowercase."""
        return {column.key: column for column in self.columns}

    @cached_property
    def measures_by_name(self) -> Mapping[str, Member]:
        """Measures by their names in lowercase."""
        return {measure.name.casefold(): measure for measure in self.measures}

    @cached_property
    def links(self) -> list[Link]:
        """Relationships."""
        declared, read = self.of("relationship"), self.read.model.relationships
        return [Link(*pair) for pair in zip(declared, read, strict=True)]

    @cached_property
    def formulas(self) -> list[Formula]:
        """Every DAX expression of the model."""
        found = [
            Formula(self.spot(one), one.table.name, one.declared, read_dax(one.declared.value))
            for one in (*self.measures, *self.columns)
            if one.declared.value
        ]
        return found + [
            Formula(self.spot(one), one.name, one, read_dax(one.value))
            for one in self.of("tablePermission")
        ]

    @cached_property
    def queries(self) -> list[tuple[Declaration, MNames]]:
        """Tables and the M that imports them."""
        return [
            (table, read_m(part.properties.get("source", "")))
            for table in self.tables
            for part in table.of("partition")
            if part.value == "m"
        ]

    def reference(self, table: str, name: str) -> Key:
        """Return the key of a column that TMDL or DAX names."""
        return key_of(table, unquoted(name))

    def member(self, table: str, name: str) -> Member | None:
        """Return the column or measure that DAX names with its table."""
        key = key_of(table, name)
        return self.columns_by_key.get(key) or self._measures_by_key.get(key)

    def resolve(self, name: str, table: str) -> Member | None:
        """Return what a name in brackets alone means to an expression of a table."""
        measure = self.measures_by_name.get(name.casefold())
        return measure or self.columns_by_key.get(key_of(table, name))

    @cached_property
    def _measures_by_key(self) -> Mapping[Key, Member]:
        return {measure.key: measure for measure in self.measures}

    @cached_property
    def sorting_or_levels(self) -> set[Key]:
        """Columns that sort others, or are levels of a hierarchy."""
        sorting = {column.sorted_by for column in self.columns if column.sorted_by}
        return sorting | {
            self.reference(level.path[0], level.properties.get("column", ""))
            for level in self.of("level")
        }

    def titled(self, name: str) -> str:
        """Return a table as DAX writes it, from its name in lowercase."""
        table = self.tables_by_name.get(name)
        return written_table(table.name if table else name)

    @cached_property
    def roads(self) -> Mapping[str, Sequence[tuple[str, Link]]]:
        """Tables that each table filters by an active relationship, names in lowercase."""
        roads: dict[str, list[tuple[str, Link]]] = {}
        for link in self.links:
            if link.is_active:
                roads.setdefault(link.one[0], []).append((link.many[0], link))
                if link.is_both_ways:
                    roads.setdefault(link.many[0], []).append((link.one[0], link))
        return roads

    def filtered_by(self, table: str) -> set[str]:
        """Return a table and those that it filters, over however many relationships."""
        reached, waiting = set(), [table]
        while waiting:
            at = waiting.pop()
            if at not in reached:
                reached.add(at)
                waiting += [end for end, _ in self.roads.get(at, ())]
        return reached

    def tables_read_by(self, measure: str) -> set[str]:
        """Return the tables that a measure reads, by way of other measures too."""
        read: set[str] = set()
        seen, waiting = set(), [measure.casefold()]
        while waiting:
            dax = self._dax_of_measures.get(name := waiting.pop())
            if dax and name not in seen:
                seen.add(name)
                read |= {table.casefold() for table, _ in dax.columns}
                read |= {table.casefold() for table in dax.tables}
                waiting += [one.casefold() for one in dax.names]
        return read

    @cached_property
    def _dax_of_measures(self) -> Mapping[str, Dax]:
        return {
            formula.declared.name.casefold(): formula.dax
            for formula in self.formulas
            if formula.declared.kind == "measure"
        }

    @cached_property
    def used(self) -> set[Key]:
        """What relationships, sort orders, hierarchies, DAX and reports use."""
        used = set(self.sorting_or_levels)
        used |= {key for link in self.links for key in (link.many, link.one)}
        for formula in self.formulas:
            named = [self.member(*column) for column in formula.dax.columns]
            named += [self.resolve(name, formula.table) for name in formula.dax.names]
            used |= {found.key for found in named if found}
        for report in self.reports:
            used |= {key_of(field.table, field.name) for field in report.all_fields()}
        return used


def _title(one: Declaration) -> str:
    match one.kind, one.path:
        case "table", (table,):
            return written_table(table)
        case (("column" | "measure"), (table, name)):
            return written(table, name)
        case "tablePermission", (role, table):
            return f"role {role} on {written_table(table)}"
        case kind, (table, *names) if names:
            return f"{kind} {' / '.join(names)} of {written_table(table)}"
    return " ".join([one.kind, *one.path])


def read_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds; nothing where it is missing or holds something else."""
    try:
        part = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return part if isinstance(part, dict) else {}
