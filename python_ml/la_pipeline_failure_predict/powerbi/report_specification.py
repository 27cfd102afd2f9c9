"""The reports that dbt's exposures declare: pages of visuals on a grid, by names of dbt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.metrics import Aggregate, LastYear, Rolling, walk
from la_pipeline_failure_predict.powerbi.pbit import KINDS as TEMPLATE_KINDS
from la_pipeline_failure_predict.powerbi.report import Field, Filter, Page, Report, Sort, Visual
from la_pipeline_failure_predict.powerbi.specification import Specification
from la_pipeline_failure_predict.powerbi.visual_kinds import check_report

CELL, GAP, COLUMNS = 80, 8, 16
SLICER_CELLS = 3


def read_reports(specification: Specification) -> tuple[Report, ...]:
    """Return the report of each exposure that declares pages, sorted by name.

    Raises
    ------
    UserError
        If a visual uses what is not in the views or metrics or what Power BI would not show, or an
        exposure does not depend on exactly the views that its report uses.
    """
    exposures = specification.manifest["exposures"].values()
    declared = sorted(
        (item for item in exposures if "powerbi" in item["config"]["meta"]),
        key=lambda item: str(item["name"]),
    )
    reports = []
    for exposure in declared:
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
    named = {
        (item["name"], item["config"]["meta"].get("powerbi", {}).get("template"))
        for item in specification.manifest["exposures"].values()
    }
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
    by_id = {model: view for view, model in _model_ids(specification)}
    declared = {by_id.get(node, node) for node in exposure["depends_on"]["nodes"]}
    used = views_of(specification, report)
    if declared == used:
        return
    changes = [f"add ref('pbi_{view}')" for view in sorted(used - declared)]
    changes += [f"remove {_reference(view)}" for view in sorted(declared - used)]
    raise UserError(
        f"Exposure {exposure['name']} does not depend on the views that its report uses: "
        f"{', '.join(changes)}."
    )


def _model_ids(specification: Specification) -> Iterator[tuple[str, str]]:
    for node in specification.manifest["nodes"].values():
        for view, model in specification.views.items():
            if node["resource_type"] == "model" and node["name"] == model.name:
                yield view, node["unique_id"]


def _reference(view: str) -> str:
    return f"ref('{view.rsplit('.', 1)[-1]}')" if "." in view else f"ref('pbi_{view}')"


@dataclass(frozen=True)
class _Reader:
    """Reads the pages of one exposure."""

    specification: Specification
    name: str

    def report(self, exposure: Mapping[str, Any]) -> Report:
        pages = exposure["config"]["meta"]["powerbi"].get("pages", [])
        return Report(
            name=self.name,
            label=exposure["label"],
            description=" ".join(exposure["description"].split()),
            pages=tuple(self._page(page) for page in pages),
        )

    def _page(self, declared: Mapping[str, Any]) -> Page:
        name = self._required(declared, "name", "a page")
        where = f"page {name}"
        drillthrough = declared.get("drillthrough")
        visuals = [*self._heading(name, declared, where)]
        visuals += [self._visual(item, where) for item in declared.get("visuals", [])]
        return Page(
            key=name,
            name=name,
            visuals=tuple(visuals),
            filters=self._filters(declared, where),
            drillthrough=self._field(drillthrough, where) if drillthrough else None,
        )

    def _heading(self, name: str, declared: Mapping[str, Any], where: str) -> Iterator[Visual]:
        """Yield the title, and the slicers to the right of it."""
        slicers: Sequence[str] = declared.get("slicers", [])
        start = COLUMNS - SLICER_CELLS * len(slicers)
        first = 1 if declared.get("drillthrough") else 0
        if first:
            yield Visual("back", "actionButton", "Back", *_place((0, 0, 1, 1)), roles={})
        yield Visual("heading", "textbox", name, *_place((first, 0, start - first, 1)), roles={})
        for place, reference in enumerate(slicers):
            field = self._field(reference, where)
            at = (start + SLICER_CELLS * place, 0, SLICER_CELLS, 1)
            values = {"Values": (field,)}
            yield Visual(f"slicer {field.name}", "slicer", field.name, *_place(at), roles=values)

    def _visual(self, declared: Mapping[str, Any], page: str) -> Visual:
        title = self._required(declared, "title", f"a visual on {page}")
        where = f"visual {title} on {page}"
        at = self._required(declared, "at", where)
        roles = {
            role: tuple(self._field(reference, where) for reference in references)
            for role, references in declared.get("fields", {}).items()
        }
        sort = declared.get("sort")
        return Visual(
            title,
            self._required(declared, "kind", where),
            title,
            *_place(at),
            roles=roles,
            filters=self._filters(declared, where),
            sort=Sort(self._field(sort["by"], where), bool(sort.get("descending")))
            if sort
            else None,
        )

    def _filters(self, declared: Mapping[str, Any], where: str) -> tuple[Filter, ...]:
        return tuple(
            Filter(self._field(reference, where), tuple(values))
            for reference, values in declared.get("filters", {}).items()
        )

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

    def _required(self, declared: Mapping[str, Any], key: str, where: str) -> Any:  # noqa: ANN401
        if key not in declared:
            raise UserError(f"Exposure {self.name}: {where} has no {key}: write it in its YAML.")
        return declared[key]


def _place(at: Sequence[int]) -> tuple[int, int, int, int]:
    """Return cells of the grid, column, row, width and height, as pixels."""
    column, row, width, height = at
    return (
        column * CELL + GAP // 2,
        row * CELL + GAP // 2,
        width * CELL - GAP,
        height * CELL - GAP,
    )
