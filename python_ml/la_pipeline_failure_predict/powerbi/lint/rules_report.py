"""Rules about the reports' files: their fields, pages, visuals and themes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.powerbi.lint.project import Project, read_json, written
from la_pipeline_failure_predict.powerbi.lint.rules import Finding, RuleBook, Spot
from la_pipeline_failure_predict.powerbi.pbir_reader import (
    FieldUse,
    PageFile,
    ReportFiles,
    VisualFile,
)
from la_pipeline_failure_predict.powerbi.visual_kinds import KINDS

DEPRECATED_KINDS = {"map": "azureMap", "filledMap": "azureMap", "card": "cardVisual"}
# Names that Power BI reads; it skips other folders without a word.
NAME = re.compile(r"[\w-]{1,50}")
WITHOUT_TITLE = ("textbox", "actionButton", "image", "shape")

book = RuleBook[Project]()


@dataclass(frozen=True)
class _Box:
    """Where a visual lies on its page, pixels."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: "_Box") -> bool:
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    def is_within(self, page: "_Box") -> bool:
        return (
            self.x >= 0
            and self.y >= 0
            and self.x + self.width <= page.width
            and self.y + self.height <= page.height
        )


def _box(part: Mapping[str, Any]) -> _Box:
    return _Box(*(float(part.get(name) or 0) for name in ("x", "y", "width", "height")))


def _pages(project: Project) -> Iterator[tuple[ReportFiles, PageFile]]:
    for report in project.reports:
        for page in report.pages:
            yield report, page


def _visuals(project: Project) -> Iterator[tuple[ReportFiles, VisualFile]]:
    for report, page in _pages(project):
        for visual in page.visuals:
            yield report, visual


def _file(report: ReportFiles, one: PageFile | VisualFile | FieldUse) -> Path:
    return report.folder.parent / one.file


def _spot(project: Project, report: ReportFiles, one: PageFile | VisualFile) -> Spot:
    if isinstance(one, PageFile):
        thing = f"page {one.display_name or one.folder}"
    else:
        thing = f"{one.kind or 'visual'} {one.title or one.alt_text or one.folder}"
    return Spot(project.path_of(_file(report, one)), thing)


@book.error("FIELD_MISSING")
def _fields_are_in_the_model(project: Project) -> Iterator[Finding]:
    levels = {project.reference(level.path[0], level.name): level for level in project.of("level")}
    for report in project.reports:
        for field in dict.fromkeys(report.all_fields()):
            key = project.reference(field.table, field.name)
            found = project.member(field.table, field.name)
            spot = Spot(project.path_of(_file(report, field)), written(field.table, field.name))
            if field.table.casefold() not in project.tables_by_name:
                yield spot, f"is of a table that the model lacks: name another than {field.table}"
            elif found is None and (field.is_measure or key not in levels):
                yield spot, "is not in the model: name another, or add it"
            elif found and (found.declared.kind == "measure") != field.is_measure:
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
                yield spot, f"names {name}, and {project.path_of(path)} is missing: bring it back"
            elif path.suffix == ".json" and not read_json(path):
                yield spot, f"names {name}, which is no JSON object: build it again"


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
    both = [*_pages(project), *_visuals(project)]
    for report, one in both:
        if one.folder != one.name:
            yield (
                _spot(project, report, one),
                f"is named {one.name or 'nothing'} in the folder {one.folder}, so Power BI skips "
                "it: give both one name",
            )
        elif not NAME.fullmatch(one.name):
            yield (
                _spot(project, report, one),
                "has a name that Power BI skips: use at most 50 letters, digits, _ and -",
            )


@book.error("VISUAL_NAME_TAKEN")
def _names_are_of_one_thing(project: Project) -> Iterator[Finding]:
    for report in project.reports:
        seen: set[str] = set()
        for visual in (visual for page in report.pages for visual in page.visuals):
            if visual.name in seen:
                yield (
                    _spot(project, report, visual),
                    "has the name of another visual: give it, and its folder, one of its own",
                )
            seen.add(visual.name)


@book.error("VISUAL_OUTSIDE_PAGE")
def _visuals_are_on_their_page(project: Project) -> Iterator[Finding]:
    for report, page in _pages(project):
        whole = _box(read_json(_file(report, page)))
        for visual, box in _boxes(report, page):
            if not box.is_within(whole):
                yield (
                    _spot(project, report, visual),
                    "reaches beyond its page: move it, or make it smaller",
                )
            if not box.width or not box.height:
                yield _spot(project, report, visual), "has no size: give it a width and a height"


@book.warning("OVERLAPPING_VISUALS")
def _visuals_lie_beside_each_other(project: Project) -> Iterator[Finding]:
    for report, page in _pages(project):
        for (one, box), (other, other_box) in combinations(_boxes(report, page), 2):
            if box.overlaps(other_box):
                yield (
                    _spot(project, report, other),
                    f"covers {_spot(project, report, one).thing}: move one of them",
                )


def _boxes(report: ReportFiles, page: PageFile) -> list[tuple[VisualFile, _Box]]:
    """Return where the visuals of a page lie, but for those of a group, which count from it."""
    parts = [(visual, read_json(_file(report, visual))) for visual in page.visuals]
    return [
        (visual, _box(part.get("position", {})))
        for visual, part in parts
        if not part.get("parentGroupName") and "visualGroup" not in part
    ]


@book.warning("VISUAL_WITHOUT_TITLE")
def _visuals_have_a_title(project: Project) -> Iterator[Finding]:
    for report, visual in _visuals(project):
        if visual.kind not in WITHOUT_TITLE and visual.kind and not visual.title.strip():
            yield _spot(project, report, visual), "has no title: say what it shows"


@book.warning("VISUAL_WITHOUT_ALT_TEXT")
def _visuals_can_be_heard(project: Project) -> Iterator[Finding]:
    for report, visual in _visuals(project):
        if visual.kind and not visual.alt_text.strip():
            yield (
                _spot(project, report, visual),
                "has no altText, which a screen reader reads out: write one",
            )


@book.error("DRILLTHROUGH_FIELD")
def _pages_are_entered_by_a_field(project: Project) -> Iterator[Finding]:
    for report, page in _pages(project):
        part = read_json(_file(report, page))
        binding = part.get("pageBinding") or {}
        if "Drillthrough" not in (part.get("type"), binding.get("type")):
            continue
        filters = {one.get("name") for one in part.get("filterConfig", {}).get("filters", ())}
        bound = [one.get("boundFilter") for one in binding.get("parameters", ())]
        if not bound or not filters.issuperset(bound):
            yield (
                _spot(project, report, page),
                "is entered by no field: bind a filter of the page in pageBinding.parameters",
            )
        if not page.is_hidden:
            yield (
                _spot(project, report, page),
                "is of the row that a reader comes from, and has a tab: set visibility to "
                "HiddenInViewMode",
            )


@book.warning("VISUAL_KIND")
def _kinds_are_known(project: Project) -> Iterator[Finding]:
    for report, visual in _visuals(project):
        if visual.kind in DEPRECATED_KINDS:
            yield (
                _spot(project, report, visual),
                f"is of a kind that Power BI gives up: use {DEPRECATED_KINDS[visual.kind]}",
            )
        elif visual.kind and visual.kind not in KINDS:
            yield (
                _spot(project, report, visual),
                f"is of a kind that is not checked here: use one of {', '.join(KINDS)}",
            )


@book.error("VISUAL_ROLE")
def _roles_are_of_the_kind(project: Project) -> Iterator[Finding]:
    for report, visual in _visuals(project):
        if visual.kind in KINDS:
            for fault in _role_faults(visual.kind, read_json(_file(report, visual))):
                yield _spot(project, report, visual), fault


def _role_faults(kind: str, part: Mapping[str, Any]) -> Iterator[str]:
    known = KINDS[kind]
    filled = {
        role: state.get("projections", [])
        for role, state in part["visual"].get("query", {}).get("queryState", {}).items()
    }
    for name, projections in filled.items():
        role = known.get(name)
        if role is None:
            yield f"has no role {name}: use one of {', '.join(known) or 'none'}"
            continue
        if role.most is not None and len(projections) > role.most:
            yield f"has {len(projections)} fields in {name}, which takes {role.most}: delete some"
        for one in projections:
            is_measure = bool({"Measure", "Aggregation"} & one.get("field", {}).keys())
            if role.takes not in ("field", "measure" if is_measure else "column"):
                yield f"has {one.get('queryRef')} in {name}, which takes a {role.takes}: move it"
    for name, role in known.items():
        if role.is_required and not filled.get(name):
            yield f"has nothing in {name}, and needs a {role.takes} there: add one"


@book.error("QUERY_REF_TAKEN")
def _fields_of_a_visual_differ(project: Project) -> Iterator[Finding]:
    for report, visual in _visuals(project):
        part = read_json(_file(report, visual))
        state = part.get("visual", {}).get("query", {}).get("queryState", {})
        for name, role in state.items():
            references = [one.get("queryRef") for one in role.get("projections", ())]
            if len(references) != len(set(references)):
                yield _spot(project, report, visual), f"has one field twice in {name}: delete one"


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
