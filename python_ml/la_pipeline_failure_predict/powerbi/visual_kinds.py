"""The kinds of visual that the reports use, and what Power BI would not show of a report."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.report import Filter, Page, Report, Visual


@dataclass(frozen=True)
class Role:
    """A data role of a kind of visual.

    Attributes
    ----------
    takes
        What it accepts: column, measure, or field for either.
    most
        How many fields it accepts; None where there is no limit.
    """

    takes: str
    is_required: bool = False
    most: int | None = None


_AXES = {
    "Category": Role("column", is_required=True),
    "Series": Role("column", most=1),
    "Y": Role("measure", is_required=True),
    "Tooltips": Role("measure"),
}
_SECOND_AXIS = _AXES | {"Y2": Role("measure")}
# What the reports use of what Power BI has.
VISUAL_KINDS: dict[str, dict[str, Role]] = {
    "actionButton": {},
    "azureMap": {
        "Category": Role("column", is_required=True),
        "Y": Role("field", most=1),
        "X": Role("field", most=1),
        "Series": Role("column", most=1),
        "Size": Role("measure", most=1),
        "Tooltips": Role("measure"),
    },
    "barChart": _AXES,
    "cardVisual": {"Data": Role("measure", is_required=True), "Tooltips": Role("measure")},
    "clusteredBarChart": _AXES,
    "clusteredColumnChart": _AXES,
    "columnChart": _AXES,
    "lineChart": _SECOND_AXIS,
    "lineClusteredColumnComboChart": _SECOND_AXIS,
    "pivotTable": {
        "Rows": Role("column"),
        "Columns": Role("column"),
        "Values": Role("measure", is_required=True),
    },
    "scatterChart": {
        "Category": Role("column"),
        "Series": Role("column", most=1),
        "X": Role("field", is_required=True, most=1),
        "Y": Role("field", is_required=True, most=1),
        "Size": Role("measure", most=1),
        "Tooltips": Role("measure"),
    },
    "slicer": {"Values": Role("column", is_required=True, most=1)},
    "tableEx": {"Values": Role("field", is_required=True)},
    "textbox": {},
}


def check_report(report: Report) -> None:
    """Check that Power BI can show a report.

    Raises
    ------
    UserError
        If a visual is of a kind or has a field that Power BI would not show, lies beyond its page
        or has no name, or two pages or visuals have the same key.
    """
    if not report.pages:
        raise UserError(f"The report {report.name} has no page: give it one.")
    _check_keys((page.key for page in report.pages), f"The report {report.name}", "pages")
    for page in report.pages:
        where = f"page {page.key} of report {report.name}"
        _check_keys((visual.key for visual in page.visuals), f"The {where}", "visuals")
        _check_filters(page.filters, where)
        if page.drillthrough and page.drillthrough.is_measure:
            raise UserError(
                f"The {where} is entered by the measure {page.drillthrough.name}: name "
                "a column, because a reader comes from one row."
            )
        for visual in page.visuals:
            _check_visual(visual, page, f"visual {visual.key} on {where}")


def _check_keys(keys: Iterable[str], owner: str, what: str) -> None:
    for key, count in Counter(keys).items():
        if count > 1:
            raise UserError(f"{owner} has {count} {what} with the key {key}: rename one.")


def _check_filters(rules: Iterable[Filter], where: str) -> None:
    for rule in rules:
        if rule.field.is_measure or not rule.values:
            what = "is on a measure" if rule.field.is_measure else "has no values"
            raise UserError(
                f"The filter on {rule.field.name} of {where} {what}: list values of a column."
            )


def _check_visual(visual: Visual, page: Page, where: str) -> None:
    _check_filters(visual.filters, where)
    if visual.kind not in VISUAL_KINDS:
        raise UserError(
            f"The {where} is a {visual.kind}, which is not among {', '.join(VISUAL_KINDS)}: change "
            "its kind."
        )
    if not visual.title:
        raise UserError(f"The {where} has no title: a screen reader reads it out, so give it one.")
    if visual.x + visual.width > page.width or visual.y + visual.height > page.height:
        raise UserError(
            f"The {where} reaches beyond the page of {page.width} x {page.height} pixels: move it "
            "or make it smaller."
        )
    filled = {
        role: [(field.name, field.is_measure) for field in fields]
        for role, fields in visual.roles.items()
    }
    if fault := next(role_faults(visual.kind, filled), None):
        raise UserError(f"The {where} {fault}.")


def role_faults(kind: str, filled: Mapping[str, Sequence[tuple[str, bool]]]) -> Iterator[str]:
    """Yield what a kind of visual cannot show.

    Parameters
    ----------
    filled
        By role: the name of each field, and whether it is a measure.
    """
    roles = VISUAL_KINDS[kind]
    for name, fields in filled.items():
        if name not in roles:
            has = ", ".join(roles) or "none"
            yield f"has no role {name}: the roles of a {kind} are {has}"
            continue
        role = roles[name]
        if role.most is not None and len(fields) > role.most:
            yield f"has {len(fields)} fields in {name}: it takes {role.most}"
        for field, is_measure in fields:
            if role.takes not in ("field", "measure" if is_measure else "column"):
                yield f"has {field} in {name}: it takes a {role.takes}"
    for name, role in roles.items():
        if role.is_required and not filled.get(name):
            yield f"has nothing in {name}: a {kind} needs a {role.takes} there"
