"""Write a template (.pbit): the model and one simple page in a single file.

The parts and their encodings are those of the templates that Microsoft publishes. A template holds
its page in an older form than a project, which knows fewer visuals.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.identity import short_name
from la_pipeline_failure_predict.powerbi.model import SemanticModel
from la_pipeline_failure_predict.powerbi.report import Field, Page, Visual
from la_pipeline_failure_predict.powerbi.theme import BASE_THEME, THEME_FILE, base_theme, theme
from la_pipeline_failure_predict.powerbi.tmsl import Object, table_tag, to_tmsl

# Of a Desktop that has been around for years: a newer one opens it, an older one says it cannot.
PACKAGE_VERSION = "1.30"
LAYOUT_VERSION = "5.61"
DESKTOP_VERSION, DESKTOP_RELEASE = "2.133.379.0", "2024.09"
# Without a byte order mark.
ENCODING = "utf-16-le"
VERSION, CONTENT_TYPES = "Version", "[Content_Types].xml"
MODEL_PART, DIAGRAM, LAYOUT = "DataModelSchema", "DiagramLayout", "Report/Layout"
SETTINGS, METADATA = "Settings", "Metadata"
RESOURCES = "Report/StaticResources"
# Content type of each part, without which the package does not open.
CONTENT = {
    VERSION: "",
    MODEL_PART: "",
    DIAGRAM: "",
    LAYOUT: "",
    SETTINGS: "application/json",
    METADATA: "application/json",
}
TEMPLATE_KINDS = (
    "cardVisual",
    "lineChart",
    "clusteredColumnChart",
    "columnChart",
    "slicer",
    "tableEx",
)
# Space between visuals in the order of drawing.
_LAYER = 1000


def render_pbit(model: SemanticModel, page: Page) -> bytes:
    """Return the bytes of a template; the same model and page give the same bytes.

    Raises
    ------
    UserError
        If the page has what a template cannot say: a kind of visual that it does not know, a
        filter or a drill-through; or a field that the model does not have.
    """
    _check_page(model, page)
    parts = {
        VERSION: PACKAGE_VERSION.encode(ENCODING),
        CONTENT_TYPES: _content_types().encode(),
        MODEL_PART: _wide(to_tmsl(model)),
        DIAGRAM: _wide(_diagram(model)),
        LAYOUT: _wide(_layout(page)),
        SETTINGS: _wide(_settings()),
        METADATA: _wide(_metadata(model)),
        f"{RESOURCES}/SharedResources/BaseThemes/{BASE_THEME}.json": _narrow(base_theme()),
        f"{RESOURCES}/RegisteredResources/{THEME_FILE}": _narrow(theme()),
    }
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        for name, content in parts.items():
            # Not compressed, as that would depend on the version of zlib; git does it anyway.
            entry = zipfile.ZipInfo(name)
            entry.create_system = 0
            archive.writestr(entry, content)
    return package.getvalue()


def _check_page(model: SemanticModel, page: Page) -> None:
    if page.filters or page.drillthrough:
        raise UserError(
            f"The page {page.name} has a filter, which a template cannot have: remove it."
        )
    for visual in page.visuals:
        where = f"The visual {visual.key} on page {page.name}"
        if visual.kind not in TEMPLATE_KINDS:
            raise UserError(
                f"{where} is a {visual.kind}, which a template cannot show: remove it, or make "
                f"it one of {', '.join(TEMPLATE_KINDS)}."
            )
        if visual.filters:
            raise UserError(f"{where} has a filter, which a template cannot have: remove it.")
        for field in _fields(visual):
            if not _is_known(model, field):
                raise UserError(
                    f"{where} shows {field.name} of {field.table}, which the model does not have: "
                    "correct the name."
                )


def _is_known(model: SemanticModel, field: Field) -> bool:
    table = model.by_name.get(field.table)
    if not table:
        return False
    members = table.measures if field.is_measure else table.columns
    return any(member.name == field.name for member in members)


def _fields(visual: Visual) -> Iterator[Field]:
    for fields in visual.roles.values():
        yield from fields
    if visual.sort:
        yield visual.sort.field


def _wide(value: Mapping[str, Any]) -> bytes:
    return _compact(value).encode(ENCODING)


def _narrow(value: Mapping[str, Any]) -> bytes:
    return _compact(value).encode()


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _content_types() -> str:
    overrides = "".join(
        f'<Override PartName="/{name}" ContentType="{kind}" />' for name, kind in CONTENT.items()
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Default Extension="json" ContentType="" />{overrides}</Types>'
    )


def _settings() -> Object:
    return {
        "Version": 4,
        "ReportSettings": {},
        "QueriesSettings": {
            "TypeDetectionEnabled": True,
            "RelationshipImportEnabled": True,
            "Version": DESKTOP_VERSION,
        },
    }


def _metadata(model: SemanticModel) -> Object:
    return {
        "Version": 5,
        "AutoCreatedRelationships": [],
        "FileDescription": model.description,
        "CreatedFrom": "Cloud",
        "CreatedFromRelease": DESKTOP_RELEASE,
    }


def _diagram(model: SemanticModel) -> Object:
    """Return the model view: the tables side by side."""
    width, height, gap, in_row = 234, 300, 40, 5
    nodes = [
        {
            "location": {
                "x": number % in_row * (width + gap),
                "y": number // in_row * (height + gap),
            },
            "nodeIndex": table.name,
            "nodeLineageTag": table_tag(table.name),
            "size": {"height": height, "width": width},
            "zIndex": number,
        }
        for number, table in enumerate(model.tables)
    ]
    title = "All tables"
    diagram = {
        "ordinal": 0,
        "scrollPosition": {"x": 0, "y": 0},
        "nodes": nodes,
        "name": title,
        "zoomValue": 100,
        "pinKeyFieldsToTop": False,
        "showExtraHeaderInfo": False,
        "hideKeyFieldsWhenCollapsed": False,
        "tablesLocked": False,
    }
    return {
        "version": "1.1.0",
        "diagrams": [diagram],
        "selectedDiagram": title,
        "defaultDiagram": title,
    }


def _layout(page: Page) -> Object:
    section = {
        "id": 0,
        "name": short_name("template", page.key),
        "displayName": page.name,
        "ordinal": 0,
        "displayOption": 1,
        "width": page.width,
        "height": page.height,
        "config": "{}",
        "filters": "[]",
        "visualContainers": [
            _container(page, visual, number) for number, visual in enumerate(page.visuals)
        ],
    }
    return {
        "id": 0,
        "resourcePackages": [
            _package("SharedResources", 2, BASE_THEME, f"BaseThemes/{BASE_THEME}.json", 202),
            _package("RegisteredResources", 1, THEME_FILE, THEME_FILE, 201),
        ],
        "sections": [section],
        "config": _compact(_report_settings()),
        "filters": "[]",
        "layoutOptimization": 0,
    }


def _package(name: str, kind: int, item: str, path: str, item_kind: int) -> Object:
    items = [{"type": item_kind, "path": path, "name": item}]
    package = {"name": name, "type": kind, "items": items, "disabled": False}
    return {"resourcePackage": package}


def _report_settings() -> Object:
    return {
        "version": LAYOUT_VERSION,
        "themeCollection": {
            "baseTheme": {"name": BASE_THEME, "version": LAYOUT_VERSION, "type": 2},
            "customTheme": {"name": THEME_FILE, "version": LAYOUT_VERSION, "type": 1},
        },
        "activeSectionIndex": 0,
        "defaultDrillFilterOtherVisuals": True,
        "linguisticSchemaSyncVersion": 2,
        "settings": {
            "useNewFilterPaneExperience": True,
            "allowChangeFilterTypes": True,
            "useStylableVisualContainerHeader": True,
            "useEnhancedTooltips": True,
            "exportDataMode": 1,
        },
    }


def _container(page: Page, visual: Visual, number: int) -> Object:
    place = {
        "x": visual.x,
        "y": visual.y,
        "z": number * _LAYER,
        "width": visual.width,
        "height": visual.height,
    }
    config = {
        "name": short_name("template", page.key, visual.key),
        "layouts": [{"id": 0, "position": place | {"tabOrder": number * _LAYER}}],
        "singleVisual": _visual(visual),
    }
    return place | {"config": _compact(config), "filters": "[]"}


def _visual(visual: Visual) -> Object:
    kind, roles = _older(visual)
    part: Object = {
        "visualType": kind,
        "projections": {
            role: [{"queryRef": _reference(field)} for field in fields]
            for role, fields in roles.items()
        },
        "prototypeQuery": _query(visual),
        "drillFilterOtherVisuals": True,
        "vcObjects": {"title": _properties(show="true", text=_text(visual.title))},
    }
    # A reader starts at the first level and drills down.
    for projection in part["projections"].get("Category", [])[:1]:
        projection["active"] = True
    if kind == "slicer":
        part["objects"] = {"data": _properties(mode=_text("Dropdown"))}
    return part


def _older(visual: Visual) -> tuple[str, Mapping[str, tuple[Field, ...]]]:
    """Return a visual's kind and roles as a template knows them."""
    if visual.kind != "cardVisual":
        return visual.kind, visual.roles
    fields = visual.roles["Data"]
    return "card" if len(fields) == 1 else "multiRowCard", {"Values": fields}


def _query(visual: Visual) -> Object:
    aliases = {table: f"t{number}" for number, table in enumerate(_tables(_fields(visual)))}
    shown = {_reference(field): field for fields in visual.roles.values() for field in fields}
    query: Object = {
        "Version": 2,
        "From": [{"Name": alias, "Entity": table, "Type": 0} for table, alias in aliases.items()],
        "Select": [
            _expression(field, aliases) | {"Name": name, "NativeReferenceName": field.name}
            for name, field in shown.items()
        ],
    }
    if visual.sort:
        direction = 2 if visual.sort.is_descending else 1
        expression = _expression(visual.sort.field, aliases)
        query["OrderBy"] = [{"Direction": direction, "Expression": expression}]
    return query


def _tables(fields: Iterable[Field]) -> Iterable[str]:
    return dict.fromkeys(field.table for field in fields)


def _reference(field: Field) -> str:
    return f"{field.table}.{field.name}"


def _expression(field: Field, aliases: Mapping[str, str]) -> Object:
    source = {"SourceRef": {"Source": aliases[field.table]}}
    kind = "Measure" if field.is_measure else "Column"
    return {kind: {"Expression": source, "Property": field.name}}


def _properties(**values: str) -> list[Object]:
    return [
        {
            "properties": {
                name: {"expr": {"Literal": {"Value": value}}} for name, value in values.items()
            }
        }
    ]


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
