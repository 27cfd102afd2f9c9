"""Rules about the visuals of the reports: where they lie, what they say and what they show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from la_pipeline_failure_predict.powerbi.lint.project import Project, read_json
from la_pipeline_failure_predict.powerbi.lint.rules import Finding, RuleBook
from la_pipeline_failure_predict.powerbi.lint.rules_report import (
    file_of,
    pages_of,
    spot_of,
    visuals_of,
)
from la_pipeline_failure_predict.powerbi.pbir_reader import PageFile, ReportFiles, VisualFile
from la_pipeline_failure_predict.powerbi.visual_kinds import VISUAL_KINDS, role_faults

DEPRECATED_KINDS = {"map": "azureMap", "filledMap": "azureMap", "card": "cardVisual"}
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


@book.error("VISUAL_OUTSIDE_PAGE")
def _visuals_are_on_their_page(project: Project) -> Iterator[Finding]:
    for report, page in pages_of(project):
        whole = _box(read_json(file_of(report, page)))
        for visual, box in _boxes(report, page):
            if not box.is_within(whole):
                yield (
                    spot_of(project, report, visual),
                    "reaches beyond its page: move it, or make it smaller",
                )
            if not box.width or not box.height:
                yield spot_of(project, report, visual), "has no size: give it a width and a height"


@book.warning("OVERLAPPING_VISUALS")
def _visuals_lie_beside_each_other(project: Project) -> Iterator[Finding]:
    for report, page in pages_of(project):
        for (one, box), (other, other_box) in combinations(_boxes(report, page), 2):
            if box.overlaps(other_box):
                yield (
                    spot_of(project, report, other),
                    f"covers {spot_of(project, report, one).thing}: move one of them",
                )


def _boxes(report: ReportFiles, page: PageFile) -> list[tuple[VisualFile, _Box]]:
    """Return where visuals of a page lie; not hidden ones, nor those that count from a group."""
    parts = [(visual, read_json(file_of(report, visual))) for visual in page.visuals]
    return [
        (visual, _box(part.get("position", {})))
        for visual, part in parts
        if not {"isHidden", "parentGroupName", "visualGroup"} & part.keys()
    ]


@book.warning("VISUAL_WITHOUT_TITLE")
def _visuals_have_a_title(project: Project) -> Iterator[Finding]:
    for report, visual in visuals_of(project):
        if visual.kind not in WITHOUT_TITLE and visual.kind and not visual.title.strip():
            yield spot_of(project, report, visual), "has no title: say what it shows"


@book.warning("VISUAL_WITHOUT_ALT_TEXT")
def _visuals_can_be_heard(project: Project) -> Iterator[Finding]:
    for report, visual in visuals_of(project):
        if visual.kind and not visual.alt_text.strip():
            yield (
                spot_of(project, report, visual),
                "has no altText, which a screen reader reads out: write one",
            )


@book.warning("VISUAL_KIND")
def _kinds_are_known(project: Project) -> Iterator[Finding]:
    for report, visual in visuals_of(project):
        if visual.kind in DEPRECATED_KINDS:
            yield (
                spot_of(project, report, visual),
                f"is of a kind that Power BI is retiring: use {DEPRECATED_KINDS[visual.kind]}",
            )
        elif visual.kind and visual.kind not in VISUAL_KINDS:
            yield (
                spot_of(project, report, visual),
                f"is of a kind that is not checked here: use one of {', '.join(VISUAL_KINDS)}",
            )


@book.error("VISUAL_ROLE")
def _roles_are_of_the_kind(project: Project) -> Iterator[Finding]:
    for report, visual in visuals_of(project):
        if visual.kind in VISUAL_KINDS:
            filled = _filled(read_json(file_of(report, visual)))
            for fault in role_faults(visual.kind, filled):
                yield spot_of(project, report, visual), fault


def _filled(part: Mapping[str, Any]) -> dict[str, list[tuple[str, bool]]]:
    """Return the fields of each role, and whether each is a measure."""
    state = part["visual"].get("query", {}).get("queryState", {})
    return {
        role: [
            (
                str(one.get("queryRef")),
                bool({"Measure", "Aggregation"} & one.get("field", {}).keys()),
            )
            for one in filled.get("projections", [])
        ]
        for role, filled in state.items()
    }


@book.error("QUERY_REF_TAKEN")
def _fields_of_a_visual_differ(project: Project) -> Iterator[Finding]:
    for report, visual in visuals_of(project):
        part = read_json(file_of(report, visual))
        state = part.get("visual", {}).get("query", {}).get("queryState", {})
        for name, role in state.items():
            references = [one.get("queryRef") for one in role.get("projections", ())]
            if len(references) != len(set(references)):
                yield spot_of(project, report, visual), f"has one field twice in {name}: delete one"


@book.error("FIELDS_UNRELATED")
def _fields_filter_what_is_shown(project: Project) -> Iterator[Finding]:
    for report, visual in visuals_of(project):
        for fault in _unrelated(project, visual):
            yield spot_of(project, report, visual), fault


def _unrelated(project: Project, visual: VisualFile) -> Iterator[str]:
    tables = sorted({one.table.casefold() for one in visual.fields if not one.is_measure})
    filtered = {table: project.filtered_by(table) for table in tables}
    measures = [one.name for one in visual.fields if one.is_measure]
    for name in measures:
        read = project.tables_read_by(name)
        for table in tables:
            if read and not read & filtered[table]:
                yield (
                    f"shows [{name}] by {project.titled(table)}, which does not filter it: take a "
                    "column of a table that does"
                )
    is_joined = any(all(fact in filtered[table] for table in tables) for fact in tables)
    if tables and not measures and not is_joined:
        titles = " and ".join(map(project.titled, tables))
        yield (
            f"shows columns of {titles}, which no relationship joins: take them from one fact and "
            "its dimensions"
        )
