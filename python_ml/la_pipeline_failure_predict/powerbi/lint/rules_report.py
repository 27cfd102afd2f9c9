"""Rules about the reports' files: their fields, pages, names and themes."""

import re
from collections.abc import Iterator
from pathlib import Path

from la_pipeline_failure_predict.powerbi.lint.project import Project, read_json
from la_pipeline_failure_predict.powerbi.lint.rules import Finding, RuleBook, Spot
from la_pipeline_failure_predict.powerbi.names import written
from la_pipeline_failure_predict.powerbi.pbir_reader import (
    FieldUse,
    PageFile,
    ReportFiles,
    VisualFile,
)

# Names that Power BI reads; it skips other folders silently.
NAME = re.compile(r"[\w-]{1,50}")

book = RuleBook[Project]()


def pages_of(project: Project) -> Iterator[tuple[ReportFiles, PageFile]]:
    """Yield every page with its report."""
    for report in project.reports:
        for page in report.pages:
            yield report, page


def visuals_of(project: Project) -> Iterator[tuple[ReportFiles, VisualFile]]:
    """Yield every visual with its report."""
    for report, page in pages_of(project):
        for visual in page.visuals:
            yield report, visual


def file_of(report: ReportFiles, one: PageFile | VisualFile | FieldUse) -> Path:
    """Return the path of the file of a page or visual, or that names a field."""
    return report.folder.parent / one.file


def spot_of(project: Project, report: ReportFiles, one: PageFile | VisualFile) -> Spot:
    """Return the place of a page or visual, by what a reader sees of it."""
    if isinstance(one, PageFile):
        thing = f"page {one.display_name or one.folder}"
    else:
        thing = f"{one.kind or 'visual'} {one.title or one.alt_text or one.folder}"
    return Spot(project.path_of(file_of(report, one)), thing)


@book.error("FIELD_MISSING")
def _fields_are_in_the_model(project: Project) -> Iterator[Finding]:
    for report in project.reports:
        for field in dict.fromkeys(report.all_fields()):
            found = project.member(field.table, field.name)
            spot = Spot(project.path_of(file_of(report, field)), written(field.table, field.name))
            if field.table.casefold() not in project.tables_by_name:
                yield spot, f"is of a table that the model lacks: name another than {field.table}"
            elif found is None:
                yield spot, "is not in the model: name another, or add it"
            elif (found.declared.kind == "measure") != field.is_measure:
                yield spot, f"is a {found.declared.kind} of the model: name it as one"


@book.error("MODEL_PATH_MISSING")
def _reports_find_the_model(project: Project) -> Iterator[Finding]:
    for report in project.reports:
        spot = Spot(project.path_of(report.folder / "definition.pbir"), report.folder.name)
        target = (report.folder / (report.model_path or "")).resolve()
        if report.model_path is None or target != project.model_folder.resolve():
            yield (
                spot,
                f"is of the model in {report.model_path or 'no folder'}, which is not the one "
                "here: correct byPath.path",
            )


@book.error("THEME_MISSING")
def _themes_are_there(project: Project) -> Iterator[Finding]:
    for report in project.reports:
        spot = Spot(
            project.path_of(report.folder / "definition" / "report.json"), report.folder.name
        )
        if not report.themes:
            yield spot, "has no theme: name one in themeCollection"
        for name in report.themes:
            if name not in report.resources:
                yield spot, f"uses the theme {name}, which resourcePackages lacks: add it there"
        for name, path in report.resources.items():
            if not path.is_file():
                yield spot, f"names {name}, and {project.path_of(path)} is missing: restore it"
            elif path.suffix == ".json" and not read_json(path):
                yield spot, f"names {name}, which is not a JSON object: build it again"


@book.error("PAGE_ORDER")
def _pages_are_in_order(project: Project) -> Iterator[Finding]:
    for report in project.reports:
        spot = Spot(
            project.path_of(report.folder / "definition" / "pages" / "pages.json"),
            report.folder.name,
        )
        folders = [page.folder for page in report.pages]
        for name in dict.fromkeys(report.page_order):
            if name not in folders:
                yield spot, f"has {name} in pageOrder, and no such page: delete it there"
            if report.page_order.count(name) > 1:
                yield spot, f"has {name} in pageOrder twice: delete one"
        for page in report.pages:
            if page.folder not in report.page_order:
                yield spot, f"lacks the page {page.display_name} in pageOrder: add {page.folder}"
        if report.active_page not in report.page_order:
            yield (
                spot,
                f"opens at {report.active_page or 'no page'}, which is not in pageOrder: name a "
                "page of it in activePageName",
            )


@book.error("FOLDER_NAME")
def _folders_are_named_like_what_they_hold(project: Project) -> Iterator[Finding]:
    both: list[tuple[ReportFiles, PageFile | VisualFile]]
    both = [*pages_of(project), *visuals_of(project)]
    for report, one in both:
        if one.folder != one.name:
            yield (
                spot_of(project, report, one),
                f"is named {one.name or 'nothing'} in the folder {one.folder}, so Power BI skips "
                "it: give both one name",
            )
        elif not NAME.fullmatch(one.name):
            yield (
                spot_of(project, report, one),
                "has a name that Power BI skips: use at most 50 letters, digits, _ and -",
            )


@book.error("VISUAL_NAME_TAKEN")
def _names_are_of_one_thing(project: Project) -> Iterator[Finding]:
    for report in project.reports:
        seen: set[str] = set()
        for visual in (visual for page in report.pages for visual in page.visuals):
            if visual.name in seen:
                yield (
                    spot_of(project, report, visual),
                    "has the name of another visual: give it, and its folder, one of its own",
                )
            seen.add(visual.name)


@book.error("DRILLTHROUGH_FIELD")
def _pages_are_entered_by_a_field(project: Project) -> Iterator[Finding]:
    for report, page in pages_of(project):
        part = read_json(file_of(report, page))
        binding = part.get("pageBinding") or {}
        if "Drillthrough" not in (part.get("type"), binding.get("type")):
            continue
        filters = {one.get("name") for one in part.get("filterConfig", {}).get("filters", ())}
        bound = [one.get("boundFilter") for one in binding.get("parameters", ())]
        if not bound or not filters.issuperset(bound):
            yield (
                spot_of(project, report, page),
                "has no drill-through field: bind a filter of the page in pageBinding.parameters",
            )
        if not page.is_hidden:
            yield (
                spot_of(project, report, page),
                "is a drill-through page, and has a tab: set visibility to HiddenInViewMode",
            )


@book.error("SHORTCUT")
def _shortcuts_open_a_report(project: Project) -> Iterator[Finding]:
    for folder in dict.fromkeys(report.folder.parent for report in project.reports):
        for path in sorted(folder.glob("*.pbip")):
            spot = Spot(project.path_of(path), path.name)
            artifacts = read_json(path).get("artifacts") or [{}]
            for one in artifacts:
                target = one.get("report", {}).get("path") if one.keys() == {"report"} else None
                if not target or not (folder / target).is_dir():
                    yield (
                        spot,
                        "opens no report: name the report's folder, and nothing else, in artifacts",
                    )
