"""The reports that dbt's exposures declare: pages of visuals on a grid, by names of dbt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.declared import (
    PageSettings,
    ReportSettings,
    Value,
    VisualSettings,
    read_declared,
)
from la_pipeline_failure_predict.powerbi.metrics import Aggregate, LastYear, Rolling, walk
from la_pipeline_failure_predict.powerbi.pbit import TEMPLATE_KINDS
from la_pipeline_failure_predict.powerbi.report import Field, Filter, Page, Report, Sort, Visual
from la_pipeline_failure_predict.powerbi.specification import Specification
from la_pipeline_failure_predict.powerbi.visual_kinds import check_report

CELL, GAP, COLUMNS = 80, 8, 16
# What a filter on a column of a type may name.
VALUE_TYPES = {
    "string": (str,),
    "boolean": (bool,),
    "int64": (int,),
    "double": (int, float),
}
SLICER_CELLS = 3


def read_reports(specification: Specification) -> tuple[Report, ...]:
    """Return the report of each exposure that declares pages, sorted by name.

    Raises
    ------
    UserError
        If a visual uses what is not in the views or metrics or what Power BI would not show, or an
        exposure does not depend on exactly the views that its report uses.
    """
    reports = []
    for exposure in _exposures(specification):
        report = _Reader(specification, exposure["name"]).report(exposure)
        check_report(report)
        _check_views(specification, exposure, report)
        reports.append(report)
    return tuple(reports)


def read_template_page(specification: Specification, reports: Sequence[Report]) -> Page:
    """Return the page of the template: of the page that an exposure names, what a template shows.

    Raises
    ------
    UserError
        If no exposure names a page of its own as the template.
    """
    named = {(item["name"], _settings(item).template) for item in _exposures(specification)}
    for report in reports:
        for page in report.pages:
            if (report.name, page.key) in named:
                shown = [one for one in page.visuals if one.kind in TEMPLATE_KINDS]
                return replace(page, visuals=tuple(one for one in shown if not one.filters))
    raise UserError(
        "No exposure names the page of the template: set config.meta.powerbi.template of one to "
        "the name of one of its pages."
    )


def views_of(specification: Specification, report: Report) -> set[str]:
    """Return the views that a report reads, through its measures too."""
    formulas = {name: metric.formula for name, metric in specification.metrics.items()}
    used: set[str] = set()
    for field in report.fields():
        used.add(field.view)
        if field.is_measure:
            for part in walk(formulas[field.source], formulas):
                if isinstance(part, Aggregate):
                    used.add(part.view)
                elif isinstance(part, LastYear | Rolling):
                    used.add(specification.names.dates[0])
    return used


def _check_views(specification: Specification, exposure: Mapping[str, Any], report: Report) -> None:
    nodes = specification.manifest["nodes"]
    declared = {
        nodes[node]["name"] if node in nodes else node for node in exposure["depends_on"]["nodes"]
    }
    used = {specification.views[view].name for view in views_of(specification, report)}
    if declared == used:
        return
    changes = [f"add ref('{name}')" for name in sorted(used - declared)]
    changes += [f"remove ref('{name}')" for name in sorted(declared - used)]
    raise UserError(
        f"Exposure {exposure['name']} must depend on exactly the views that its report uses: "
        f"{', '.join(changes)}."
    )


@dataclass(frozen=True)
class _Reader:
    """Reads the pages of one exposure."""

    specification: Specification
    name: str

    def report(self, exposure: Mapping[str, Any]) -> Report:
        settings = _settings(exposure)
        return Report(
            name=self.name,
            label=exposure["label"],
            description=" ".join(exposure["description"].split()),
            pages=tuple(self._page(page) for page in settings.pages),
        )

    def _page(self, settings: PageSettings) -> Page:
        where = f"page {settings.name}"
        drillthrough = settings.drillthrough
        return Page(
            key=settings.name,
            name=settings.name,
            visuals=(
                *self._heading(settings, where),
                *(self._visual(visual, where) for visual in settings.visuals),
            ),
            filters=self._filters(settings.filters, where),
            drillthrough=self._field(drillthrough, where) if drillthrough else None,
        )

    def _heading(self, settings: PageSettings, where: str) -> Iterator[Visual]:
        """Yield the title, and the slicers to the right of it."""
        start = COLUMNS - SLICER_CELLS * len(settings.slicers)
        first = 1 if settings.drillthrough else 0
        if first:
            yield Visual("back", "actionButton", "Back", *_place((0, 0, 1, 1)), roles={})
        yield Visual(
            "heading", "textbox", settings.name, *_place((first, 0, start - first, 1)), roles={}
        )
        for place, reference in enumerate(settings.slicers):
            field = self._field(reference, where)
            at = (start + SLICER_CELLS * place, 0, SLICER_CELLS, 1)
            values = {"Values": (field,)}
            yield Visual(f"slicer {field.name}", "slicer", field.name, *_place(at), roles=values)

    def _visual(self, settings: VisualSettings, page: str) -> Visual:
        where, sort = f"visual {settings.title} on {page}", settings.sort
        return Visual(
            settings.title,
            settings.kind,
            settings.title,
            *_place(settings.at),
            roles={
                role: tuple(self._field(reference, where) for reference in references)
                for role, references in settings.fields.items()
            },
            filters=self._filters(settings.filters, where),
            sort=Sort(self._field(sort.by, where), sort.descending) if sort else None,
        )

    def _filters(self, filters: Mapping[str, Sequence[Value]], where: str) -> tuple[Filter, ...]:
        return tuple(
            self._filter(self._field(reference, where), values, where)
            for reference, values in filters.items()
        )

    def _filter(self, field: Field, values: Sequence[Value], where: str) -> Filter:
        """Return a filter; a value of another type than its column would match no row."""
        table = self.specification.model.by_name[field.table]
        column = table.column(field.name)
        wanted = VALUE_TYPES.get(column.data_type) if column and not field.is_measure else None
        for value in values:
            if wanted and type(value) not in wanted:
                raise UserError(
                    f"Exposure {self.name}: the {where} filters {field.view}.{field.source} by "
                    f"{value!r}, which does not have its type: write a value of that type."
                )
        return Filter(field, tuple(values))

    def _field(self, reference: str, where: str) -> Field:
        """Return the column ``view.column`` or the metric of this name."""
        names, metrics = self.specification.names, self.specification.metrics
        view, _, column = reference.partition(".")
        if column and (view, column) in names.columns:
            return Field(names.tables[view], names.columns[view, column], False, view, column)
        if reference in metrics:
            metric = metrics[reference]
            return Field(names.tables[metric.view], metric.label, True, metric.view, metric.name)
        kind = "column" if column else "metric"
        raise UserError(
            f"Exposure {self.name}: the {where} uses the {kind} {reference}, which does not exist: "
            "name a view and its column, or a metric with config.meta.powerbi."
        )


def _settings(exposure: Mapping[str, Any]) -> ReportSettings:
    declared = exposure["config"]["meta"]["powerbi"]
    return read_declared(ReportSettings, declared, f"Exposure {exposure['name']}")


def _exposures(specification: Specification) -> list[Mapping[str, Any]]:
    """Return the exposures that are reports of Power BI, sorted by name."""
    exposures = specification.manifest["exposures"].values()
    ours = (item for item in exposures if "powerbi" in item["config"]["meta"])
    return sorted(ours, key=lambda item: str(item["name"]))


def _place(at: Sequence[int]) -> tuple[int, int, int, int]:
    """Return cells of the grid, column, row, width and height, as pixels."""
    column, row, width, height = at
    return (
        column * CELL + GAP // 2,
        row * CELL + GAP // 2,
        width * CELL - GAP,
        height * CELL - GAP,
    )
