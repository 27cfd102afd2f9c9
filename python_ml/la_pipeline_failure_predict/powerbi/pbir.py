"""Write a report as Power BI's enhanced report format: a file for each page and each visual."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from la_pipeline_failure_predict.powerbi.identity import guid, short_name
from la_pipeline_failure_predict.powerbi.report import Field, Filter, Page, Report, Sort, Visual
from la_pipeline_failure_predict.powerbi.theme import (
    BASE_THEME,
    THEME_FILE,
    base_theme,
    class_colors,
    theme,
)
from la_pipeline_failure_predict.powerbi.visual_kinds import VISUAL_KINDS, Role, check_report

SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"
# Older than the newest on purpose: Desktop refuses a file whose version it does not know yet.
REPORT, PAGE, VISUAL = "3.0.0", "2.0.0", "2.4.0"
THEME_VERSIONS = {"visual": VISUAL, "report": REPORT, "page": PAGE}
# Space between visuals in the order of drawing, as Desktop leaves it for what is put between them.
LAYER = 1000
# Characters of what a screen reader reads out that Power BI keeps.
MOST_ALT_TEXT = 250
# Column of the views whose values have colors of their own.
CLASS_COLUMN = "risk_class_name"

Part = dict[str, Any]


def render_report(report: Report, model_path: str) -> dict[str, str]:
    """Return the files of a report: their text by path, from the folder of the reports.

    Parameters
    ----------
    model_path
        Folder of the semantic model, from the folder of the report.

    Raises
    ------
    UserError
        If a visual is of a kind or has a field that Power BI would not show, or two pages or
        visuals have the same key.
    """
    check_report(report)
    folder = f"{report.name}.Report"
    resources = f"{folder}/StaticResources"
    parts = {
        f"{report.name}.pbip": _shortcut(folder),
        f"{folder}/.platform": _platform(report),
        f"{folder}/definition.pbir": _model_reference(model_path),
        f"{resources}/SharedResources/BaseThemes/{BASE_THEME}.json": base_theme(),
        f"{resources}/RegisteredResources/{THEME_FILE}": theme(),
        f"{folder}/definition/version.json": _version(),
        f"{folder}/definition/report.json": _settings(),
        f"{folder}/definition/pages/pages.json": _page_order(report),
    }
    for page in report.pages:
        name = _page_name(report, page)
        page_folder = f"{folder}/definition/pages/{name}"
        parts[f"{page_folder}/page.json"] = _page(page, name)
        for position, visual in enumerate(page.visuals):
            part = _visual(visual, short_name(name, visual.key), position)
            parts[f"{page_folder}/visuals/{part['name']}/visual.json"] = part
    return {path: _as_json(part) for path, part in parts.items()}


def _as_json(part: Part) -> str:
    return json.dumps(part, indent=2, ensure_ascii=False) + "\n"


def _schema(name: str) -> Part:
    return {"$schema": f"{SCHEMAS}/{name}/schema.json"}


def _shortcut(folder: str) -> Part:
    return _schema("pbip/pbipProperties/1.0.0") | {
        "version": "1.0",
        "artifacts": [{"report": {"path": folder}}],
        "settings": {"enableAutoRecovery": True},
    }


def _platform(report: Report) -> Part:
    return _schema("gitIntegration/platformProperties/2.0.0") | {
        "metadata": {"type": "Report", "displayName": report.name},
        "config": {"version": "2.0", "logicalId": guid("report", report.name)},
    }


def _model_reference(model_path: str) -> Part:
    return _schema("item/report/definitionProperties/2.0.0") | {
        "version": "4.0",
        "datasetReference": {"byPath": {"path": model_path}},
    }


def _version() -> Part:
    return _schema("item/report/definition/versionMetadata/1.0.0") | {"version": "2.0.0"}


def _settings() -> Part:
    return _schema(f"item/report/definition/report/{REPORT}") | {
        "themeCollection": {
            "baseTheme": {
                "name": BASE_THEME,
                "reportVersionAtImport": THEME_VERSIONS,
                "type": "SharedResources",
            },
            "customTheme": {
                "name": THEME_FILE,
                "reportVersionAtImport": THEME_VERSIONS,
                "type": "RegisteredResources",
            },
        },
        "objects": {"outspacePane": [{"properties": {"expanded": _literal(False)}}]},
        "resourcePackages": [
            _package("SharedResources", BASE_THEME, f"BaseThemes/{BASE_THEME}.json", "BaseTheme"),
            _package("RegisteredResources", THEME_FILE, THEME_FILE, "CustomTheme"),
        ],
        "settings": {
            "useStylableVisualContainerHeader": True,
            "exportDataMode": "AllowSummarized",
            "defaultDrillFilterOtherVisuals": True,
            "allowChangeFilterTypes": True,
            "useEnhancedTooltips": True,
            "useDefaultAggregateDisplayName": True,
        },
    }


def _package(package: str, name: str, path: str, kind: str) -> Part:
    return {
        "name": package,
        "type": package,
        "items": [{"name": name, "path": path, "type": kind}],
    }


def _page_order(report: Report) -> Part:
    first = next((page for page in report.pages if not page.drillthrough), report.pages[0])
    return _schema("item/report/definition/pagesMetadata/1.0.0") | {
        "pageOrder": [_page_name(report, page) for page in report.pages],
        "activePageName": _page_name(report, first),
    }


def _page_name(report: Report, page: Page) -> str:
    return short_name(report.name, page.key)


def _page(page: Page, name: str) -> Part:
    part: Part = _schema(f"item/report/definition/page/{PAGE}") | {
        "name": name,
        "displayName": page.name,
        "displayOption": "FitToPage",
        "height": page.height,
        "width": page.width,
    }
    filters = _filters(page.filters, name)
    if page.drillthrough:
        entrance = short_name(name, "drillthrough")
        field = _field(page.drillthrough)
        # A filter without a value: the point from which a reader comes gives it.
        filters.append(
            {
                "name": entrance,
                "field": field,
                "type": "Categorical",
                "howCreated": "Drillthrough",
            }
        )
        part |= {
            "type": "Drillthrough",
            "visibility": "HiddenInViewMode",
            "pageBinding": {
                "name": short_name(name, "binding"),
                "type": "Drillthrough",
                "parameters": [
                    {
                        "name": short_name(name, "parameter"),
                        "boundFilter": entrance,
                        "fieldExpr": field,
                    }
                ],
            },
        }
    return part | ({"filterConfig": {"filters": filters}} if filters else {})


def _visual(visual: Visual, name: str, position: int) -> Part:
    part: Part = _schema(f"item/report/definition/visualContainer/{VISUAL}") | {
        "name": name,
        "position": {
            "x": visual.x,
            "y": visual.y,
            "z": position * LAYER,
            "height": visual.height,
            "width": visual.width,
            "tabOrder": position * LAYER,
        },
        "visual": {"visualType": visual.kind},
    }
    if visual.roles:
        part["visual"]["query"] = _query(visual)
    if objects := _objects(visual):
        part["visual"]["objects"] = objects
    part["visual"]["visualContainerObjects"] = _container(visual)
    part["visual"]["drillFilterOtherVisuals"] = True
    if visual.filters:
        part["filterConfig"] = {"filters": _filters(visual.filters, name)}
    return part


def _query(visual: Visual) -> Part:
    taken: dict[str, tuple[str, str]] = {}
    query: Part = {
        "queryState": {
            role: {"projections": _projections(fields, VISUAL_KINDS[visual.kind][role], taken)}
            for role, fields in visual.roles.items()
        }
    }
    if sort := visual.sort or _axis_order(visual):
        direction = "Descending" if sort.is_descending else "Ascending"
        query["sortDefinition"] = {"sort": [{"field": _field(sort.field), "direction": direction}]}
    return query


def _axis_order(visual: Visual) -> Sort | None:
    """Return the order of the axis: left to itself, Power BI puts the largest bar first."""
    if "Y" not in visual.roles or visual.kind in ("azureMap", "scatterChart"):
        return None
    return Sort(visual.roles["Category"][0])


def _projections(
    fields: Sequence[Field], role: Role, taken: dict[str, tuple[str, str]]
) -> list[Part]:
    projections = []
    for place, field in enumerate(fields):
        projection: Part = {
            "field": _field(field),
            "queryRef": f"{field.table}.{field.name}",
            "nativeQueryRef": _native_name(field, taken),
        }
        if role.takes == "column" and place == 0:
            # Of several levels, a reader starts at the first and drills down.
            projection["active"] = True
        projections.append(projection)
    return projections


def _native_name(field: Field, taken: dict[str, tuple[str, str]]) -> str:
    """Return a name that no other field of the visual has: columns may have equal names."""
    name, number, owner = field.name, 1, (field.table, field.name)
    while taken.setdefault(name, owner) != owner:
        name, number = f"{field.name}{number}", number + 1
    return name


def _objects(visual: Visual) -> Part:
    """Return the format that the theme cannot hold, because it depends on what the visual shows."""
    if visual.kind == "slicer":
        return {
            "data": _object(mode=_literal("Dropdown")),
            # The title names the field already.
            "header": _object(show=_literal(False)),
        }
    if visual.kind == "cardVisual":
        is_named_by_title = len(visual.roles["Data"]) == 1
        return {
            "outline": _object("default", show=_literal(False)),
            "label": _object("default", show=_literal(not is_named_by_title)),
        }
    if visual.kind == "actionButton":
        return {"icon": _object("default", shapeType=_literal("back"))}
    if visual.kind == "textbox":
        style = {"fontWeight": "bold", "fontSize": "18pt"}
        heading = {"textRuns": [{"value": visual.title, "textStyle": style}]}
        return {"general": _object(paragraphs=[heading])}
    return _class_colors(visual)


def _class_colors(visual: Visual) -> Part:
    """Return the color of each class of risk, where the visual tells them apart by color."""
    fields = visual.roles.get("Series") or visual.roles.get("Category", ())
    rules = [
        {
            "properties": {"fill": {"solid": {"color": _literal(color)}}},
            "selector": {"data": [{"scopeId": _equals(field, name)}]},
        }
        for field in fields
        if field.source == CLASS_COLUMN
        for name, color in class_colors().items()
    ]
    return {"dataPoint": rules} if rules else {}


def _equals(field: Field, value: str) -> Part:
    return {
        "Comparison": {"ComparisonKind": 0, "Left": _field(field), "Right": _constant(value)},
    }


def _container(visual: Visual) -> Part:
    container = {"general": _object(altText=_literal(visual.title[:MOST_ALT_TEXT]))}
    if visual.kind == "actionButton":
        return container | {"visualLink": _object(show=_literal(True), type=_literal("Back"))}
    if visual.kind == "textbox":
        return container | {"title": _object(show=_literal(False))}
    return container | {"title": _object(show=_literal(True), text=_literal(visual.title))}


def _object(selector: str = "", **properties: Any) -> list[Part]:  # noqa: ANN401
    part: Part = {"properties": properties}
    return [part | {"selector": {"id": selector}} if selector else part]


def _filters(rules: Iterable[Filter], owner: str) -> list[Part]:
    return [
        {
            "name": short_name(owner, "filter", str(number)),
            "field": _field(rule.field),
            "type": "Categorical",
            "filter": _condition(rule),
            "howCreated": "User",
        }
        for number, rule in enumerate(rules)
    ]


def _condition(rule: Filter) -> Part:
    alias = "t"
    return {
        "Version": 2,
        "From": [{"Name": alias, "Entity": rule.field.table, "Type": 0}],
        "Where": [
            {
                "Condition": {
                    "In": {
                        "Expressions": [_field(rule.field, {"Source": alias})],
                        "Values": [[_constant(value)] for value in rule.values],
                    }
                }
            }
        ],
    }


def _field(field: Field, source: Part | None = None) -> Part:
    return {
        "Measure" if field.is_measure else "Column": {
            "Expression": {"SourceRef": source or {"Entity": field.table}},
            "Property": field.name,
        }
    }


def _literal(value: str | int | float | bool) -> Part:
    return {"expr": _constant(value)}


def _constant(value: str | int | float | bool) -> Part:
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, int):
        text = f"{value}L"
    elif isinstance(value, float):
        text = f"{value!r}D"
    else:
        text = "'" + value.replace("'", "''") + "'"
    return {"Literal": {"Value": text}}
