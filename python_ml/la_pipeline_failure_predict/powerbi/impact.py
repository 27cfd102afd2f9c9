"""What in Power BI depends on a dbt model or a column of it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from types import MappingProxyType
from typing import Any

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi import SCHEMA
from la_pipeline_failure_predict.powerbi.column_lineage import (
    ColumnLineage,
    ColumnOf,
    Flow,
    read_compiled_manifest,
)
from la_pipeline_failure_predict.powerbi.lint.dax_tokens import read_dax
from la_pipeline_failure_predict.powerbi.model import SemanticModel
from la_pipeline_failure_predict.powerbi.names import written
from la_pipeline_failure_predict.powerbi.report import Field, Page, Report
from la_pipeline_failure_predict.settings import Settings

# Table, and column or measure of it, as Power BI calls them.
Name = tuple[str, str]


@dataclass(frozen=True)
class UsedBy:
    """A visual, filter or drill-through of a report's page."""

    report: str
    page: str
    what: str


@dataclass(frozen=True)
class Impact:
    """What depends on a model or a column.

    Attributes
    ----------
    subject
        The model, or model.column.
    tables
        Tables of Power BI that hold it.
    columns
        Columns of these tables that a column flows into, as DAX writes them; none for a model,
        which may change all of them.
    measures
        Measures that read it, also by way of other measures, as DAX writes them.
    parts
        Relationships, hierarchies, sort orders and roles of the semantic model that use it.
    uses
        Where the reports show it.
    row_tables
        Further tables whose rows depend on the column: some model on the way joins, filters,
        groups or orders by it.
    guessed_models
        Models that the column was followed through by its name, their SQL being unreadable.
    """

    subject: str
    tables: tuple[str, ...]
    columns: tuple[str, ...]
    measures: tuple[str, ...]
    parts: tuple[str, ...]
    uses: tuple[UsedBy, ...]
    row_tables: tuple[str, ...] = ()
    guessed_models: tuple[str, ...] = ()

    @property
    def reports(self) -> tuple[str, ...]:
        """Reports that show it."""
        return tuple(dict.fromkeys(use.report for use in self.uses))

    def describe(self) -> list[str]:
        """Return a line of figures, and one for each thing that depends on the column or model."""
        if not self.tables and not self.row_tables:
            return [f"{self.subject}: nothing in Power BI depends on it."]
        found = {
            "table": self.tables,
            "column": self.columns,
            "measure": self.measures,
            "visual": self.uses,
            "report": self.reports,
        }
        counts = ", ".join(_count(len(each), thing) for thing, each in found.items() if each)
        return [
            f"{self.subject}: {counts or 'no table directly'}",
            *(f"  table    {table}" for table in self.tables if not self.columns),
            *(f"  column   {column}" for column in self.columns),
            *(f"  measure  {measure}" for measure in self.measures),
            *(f"  model    {part}" for part in self.parts),
            *(f"  visual   {use.report}, {use.page}: {use.what}" for use in self.uses),
            *(
                f"  rows     {table}: a model before it joins, filters or groups by the column"
                for table in self.row_tables
            ),
            *(f"  by name  {model}: its SQL could not be read" for model in self.guessed_models),
        ]


def describe_impacts(impacts: Sequence[Impact]) -> str:
    """Return impacts as Markdown, short enough for a comment: a table, then what is behind it."""
    blocks = ["## Impact on Power BI"]
    felt = [impact for impact in impacts if impact.tables or impact.row_tables]
    if felt:
        blocks.append(_overview(felt))
        measures = sorted({measure for impact in felt for measure in impact.measures})
        uses = dict.fromkeys(use for impact in felt for use in impact.uses)
        blocks += _folded(f"Measures ({len(measures)})", [f"`{each}`" for each in measures])
        blocks += _folded(f"Visuals ({len(uses)})", list(_by_page(uses)))
    if unfelt := [f"`{impact.subject}`" for impact in impacts if impact not in felt]:
        blocks.append(f"Nothing in Power BI depends on {', '.join(unfelt)}.")
    return "\n\n".join(blocks) + "\n"


def _overview(impacts: Iterable[Impact]) -> str:
    lines = ["| changed | tables | measures | visuals | reports |", "|---|---|--:|--:|---|"]
    for impact in impacts:
        tables = ", ".join(dict.fromkeys((*impact.tables, *impact.row_tables)))
        cells = (
            f"`{impact.subject}`",
            tables.replace("|", "\\|"),
            str(len(impact.measures)),
            str(len(impact.uses)),
            ", ".join(impact.reports),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _folded(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        listed = "\n".join(f"- {line}" for line in lines)
        yield f"<details><summary>{title}</summary>\n\n{listed}\n\n</details>"


def _by_page(uses: Iterable[UsedBy]) -> Iterator[str]:
    pages: dict[tuple[str, str], list[str]] = {}
    for use in uses:
        pages.setdefault((use.report, use.page), []).append(use.what)
    for (report, page), what in pages.items():
        yield f"{report}, {page}: {'; '.join(what)}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")


class ImpactFinder:
    """Finds what in Power BI depends on dbt's models.

    Parameters
    ----------
    manifest
        dbt's manifest.
    model, reports
        What is built on it.
    """

    def __init__(
        self,
        settings: Settings,
        manifest: Mapping[str, Any],
        model: SemanticModel,
        reports: Sequence[Report],
    ) -> None:
        self._settings = settings
        self._nodes = {
            node["name"]: node
            for node in manifest["nodes"].values()
            if node["resource_type"] in ("model", "seed")
        }
        # By their ids: a metric or source may have the name of a model.
        names = {node["unique_id"]: name for name, node in self._nodes.items()}
        self._children = {
            name: [names[child] for child in manifest["child_map"][key] if child in names]
            for key, name in names.items()
        }
        self._tables = {
            name: table
            for name, node in self._nodes.items()
            for table in model.tables
            if node["schema"] == SCHEMA and table.view == node["alias"]
        }
        self._model = model
        self._reports = reports

    @cached_property
    def _lineage(self) -> ColumnLineage:
        return ColumnLineage(read_compiled_manifest(self._settings))

    def find(self, subject: str) -> Impact:
        """Return what depends on a model, or on a column: ``model`` or ``model.column``.

        Raises
        ------
        UserError
            If there is no such model or column.
        """
        name, _, column = subject.partition(".")
        if name not in self._nodes:
            raise UserError(f"dbt has no model {name!r}{_nearest(name, self._nodes)}.")
        if not column:
            return self._of_model(subject)
        return self._of_column(subject, self._flow(name, column))

    def _flow(self, name: str, column: str) -> Flow:
        is_last = name in self._tables and self._descendants([name]) == {name}
        if is_last and column in self._nodes[name]["columns"]:  # needs no SQL to be followed
            return Flow(((name, column),), (), ())
        if column not in (known := self._lineage.columns(name)):
            raise UserError(f"{name} has no column {column!r}{_nearest(column, known)}.")
        return self._lineage.follow(name, column)

    def _of_model(self, subject: str) -> Impact:
        """Everything downstream may change with a model, because its rows do."""
        tables = self._tables_after([subject])
        columns = {
            (table.name, column.name)
            for table in self._model.tables
            for column in table.columns
            if table.name in tables
        }
        return replace(self._impact(subject, columns, tables), columns=())

    def _of_column(self, subject: str, flow: Flow) -> Impact:
        columns = set(self._in_powerbi(flow.columns))
        impact = self._impact(subject, columns)
        rows = self._tables_after(flow.row_models)
        row_tables = [table.name for table in self._model.tables if table.name in rows]
        return replace(
            impact,
            row_tables=tuple(table for table in row_tables if table not in impact.tables),
            guessed_models=flow.guessed_models,
        )

    def _in_powerbi(self, columns: Iterable[ColumnOf]) -> Iterator[Name]:
        for name, source in columns:
            if table := self._tables.get(name):
                for column in table.columns:
                    if column.source == source:
                        yield table.name, column.name

    def _tables_after(self, names: Iterable[str]) -> set[str]:
        """Return the tables of Power BI downstream of models."""
        reached = self._descendants(names)
        return {table.name for name, table in self._tables.items() if name in reached}

    def _descendants(self, names: Iterable[str]) -> set[str]:
        """Return models with all that reads them."""
        reached: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += self._children[name]
        return reached

    def _impact(
        self, subject: str, columns: Collection[Name], tables: Collection[str] = ()
    ) -> Impact:
        """Return what uses columns, or rows of tables, in the order of the model."""
        measures = self._measures(columns, tables)
        held = [(table.name, column) for table in self._model.tables for column in table.columns]
        sorted_by = {(table, each.name) for table, each in held if (table, each.sort_by) in columns}
        holding = {table for table, _ in columns}
        return Impact(
            subject=subject,
            tables=tuple(table.name for table in self._model.tables if table.name in holding),
            columns=tuple(
                written(table, each.name) for table, each in held if (table, each.name) in columns
            ),
            measures=tuple(written(*measure) for measure in measures),
            parts=tuple(self._parts(columns, sorted_by)),
            uses=tuple(self._uses({*columns, *sorted_by, *measures})),
        )

    def _measures(self, columns: Collection[Name], tables: Collection[str]) -> list[Name]:
        """Return the measures that read columns, count rows of tables, or read such measures."""
        every = [
            (table.name, measure) for table in self._model.tables for measure in table.measures
        ]
        found: dict[str, Name] = {}
        while True:
            more = {
                measure.name: (table, measure.name)
                for table, measure in every
                if measure.name not in found
                and _reads(measure.expression, table, columns, tables, found)
            }
            if not more:
                return [found[measure.name] for _, measure in every if measure.name in found]
            found |= more

    def _parts(self, columns: Collection[Name], sorted_by: Collection[Name]) -> Iterator[str]:
        for table in self._model.tables:
            for column in table.columns:
                if (table.name, column.name) in sorted_by:
                    yield f"sort order of {written(table.name, column.name)}"
            for hierarchy in table.hierarchies:
                if any((table.name, level) in columns for level in hierarchy.levels):
                    yield f"hierarchy {written(table.name, hierarchy.name)}"
        for one in self._model.relationships:
            ends = (one.from_table, one.from_column), (one.to_table, one.to_column)
            if any(end in columns for end in ends):
                yield f"relationship {' to '.join(written(*end) for end in ends)}"
        for role in self._model.roles:
            for name, expression in role.filters.items():
                if _reads(expression, name, columns):
                    yield f"role {role.name}, which filters {name}"

    def _uses(self, shown: Collection[Name]) -> Iterator[UsedBy]:
        for report in self._reports:
            for page in report.pages:
                for what, fields in _fields_of(page):
                    if any((field.table, field.name) in shown for field in fields):
                        yield UsedBy(report.name, page.name, what)


def _reads(
    expression: str,
    home: str,
    columns: Collection[Name],
    tables: Collection[str] = (),
    measures: Mapping[str, Name] = MappingProxyType({}),
) -> bool:
    """Whether an expression of a table names one of these."""
    read = read_dax(expression)
    qualified, alone = set(read.columns), set(read.names)
    own = {(home, name) for name in alone}
    return bool(
        (qualified | own) & set(columns)
        or qualified & set(measures.values())
        or alone & measures.keys()
        or set(read.tables) & set(tables)
    )


def _fields_of(page: Page) -> Iterator[tuple[str, list[Field]]]:
    """Yield what a page shows or filters by, with its fields."""
    if page.filters:
        yield "filter of the page", [rule.field for rule in page.filters]
    if page.drillthrough:
        yield "drill-through", [page.drillthrough]
    for visual in page.visuals:
        fields = [field for role in visual.roles.values() for field in role]
        fields += [rule.field for rule in visual.filters]
        yield visual.title or visual.key, [*fields, *([visual.sort.field] if visual.sort else [])]


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
