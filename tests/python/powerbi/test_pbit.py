"""The template: every part as Power BI reads it, and a page whose fields the model has."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.pbit import (
    CONTENT,
    CONTENT_TYPES,
    LAYOUT,
    MODEL_PART,
    RESOURCES,
    render_pbit,
)
from la_pipeline_failure_predict.powerbi.report import Field, Filter, Page, Visual
from la_pipeline_failure_predict.powerbi.tmsl import to_tmsl
from powerbi.example_model import BREAKS, MODEL, PAGE, TOTAL, YEAR, measure
from powerbi.read_template import raw_parts, read_template


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """The parts of a template of the example."""
    return read_template(render_pbit(MODEL, PAGE))


def values_of(value: object, key: str) -> Iterator[object]:
    """Yield every value of a key, however deep."""
    if isinstance(value, list):
        for one in value:
            yield from values_of(one, key)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name == key:
                yield one
            yield from values_of(one, key)


def visuals(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return each visual of the layout, by the key of the page that it was made from."""
    (section,) = template[LAYOUT]["sections"]
    configs = [container["config"]["singleVisual"] for container in section["visualContainers"]]
    return dict(zip([visual.key for visual in PAGE.visuals], configs, strict=True))


def test_the_same_model_gives_the_same_bytes() -> None:
    """A template that differs with every build is a change to review each time."""
    assert render_pbit(MODEL, PAGE) == render_pbit(MODEL, PAGE)
    with zipfile.ZipFile(io.BytesIO(render_pbit(MODEL, PAGE))) as archive:
        assert archive.testzip() is None
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_no_part_has_a_byte_order_mark_or_another_encoding() -> None:
    """Power BI Desktop says no more of a byte order mark than that the file is corrupt."""
    for name, content in raw_parts(render_pbit(MODEL, PAGE)).items():
        assert not content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")), name
        text = content.decode("utf-16-le" if name in CONTENT else "utf-8")
        assert "\0" not in text, name
        assert name in ("Version", CONTENT_TYPES) or json.loads(text), name


def test_every_part_has_a_content_type(template: dict[str, Any]) -> None:
    """A part without one makes the package unreadable."""
    types = ElementTree.fromstring(template[CONTENT_TYPES])
    parts = template.keys() - {CONTENT_TYPES}
    named = {one.attrib.get("PartName") for one in types}
    endings = {one.attrib.get("Extension") for one in types}
    assert parts >= {*CONTENT, f"{RESOURCES}/RegisteredResources/la_pipes.json"}
    for name in parts:
        assert f"/{name}" in named or name.rpartition(".")[2] in endings
    assert len(named - {None}) == len(CONTENT)


def test_the_model_is_that_of_the_project_and_nothing_is_null(template: dict[str, Any]) -> None:
    """A null name is `Cannot convert value '' to required type 'String'` when it is opened."""
    parts = template
    assert parts[MODEL_PART] == to_tmsl(MODEL)
    for name, part in parts.items():
        assert "null" not in json.dumps(part), name
    assert all(isinstance(name, str) and name for name in values_of(parts[MODEL_PART], "name"))
    tags = {table["name"]: table["lineageTag"] for table in parts[MODEL_PART]["model"]["tables"]}
    (diagram,) = parts["DiagramLayout"]["diagrams"]
    assert {node["nodeIndex"]: node["nodeLineageTag"] for node in diagram["nodes"]} == tags


def test_the_themes_that_the_page_names_are_there(template: dict[str, Any]) -> None:
    """A theme that is missing is `report load failed`, although the model is fine."""
    parts = template
    layout = parts[LAYOUT]
    packages = [one["resourcePackage"] for one in layout["resourcePackages"]]
    for package in packages:
        for item in package["items"]:
            assert f"{RESOURCES}/{package['name']}/{item['path']}" in parts
    named = {theme["name"] for theme in layout["config"]["themeCollection"].values()}
    assert named == {item["name"] for package in packages for item in package["items"]}


def test_every_field_of_the_page_is_in_the_model(template: dict[str, Any]) -> None:
    """A visual that asks for what the model lacks shows an error in place of a chart."""
    tables = {table["name"]: table for table in template[MODEL_PART]["model"]["tables"]}
    for key, visual in visuals(template).items():
        query = visual["prototypeQuery"]
        entities = {source["Name"]: source["Entity"] for source in query["From"]}
        chosen = set()
        for select in query["Select"]:
            kind = "Measure" if "Measure" in select else "Column"
            entity = entities[select[kind]["Expression"]["SourceRef"]["Source"]]
            members = tables[entity]["measures" if kind == "Measure" else "columns"]
            assert select[kind]["Property"] in [one["name"] for one in members], key
            assert select["Name"] == f"{entity}.{select[kind]['Property']}"
            chosen.add(select["Name"])
        assert set(values_of(visual["projections"], "queryRef")) == chosen, key
        assert len(query["Select"]) == len(chosen), key


def test_visuals_are_those_that_a_template_knows(template: dict[str, Any]) -> None:
    """The newer card has another name and role there; a chart keeps its order and title."""
    drawn = visuals(template)
    assert {key: visual["visualType"] for key, visual in drawn.items()} == {
        "total": "card",
        "trend": "lineChart",
        "areas": "clusteredColumnChart",
        "years": "slicer",
        "notes": "tableEx",
    }
    assert drawn["total"]["projections"] == {"Values": [{"queryRef": "Pipe Breaks.Total Breaks"}]}
    assert drawn["trend"]["projections"]["Category"] == [{"queryRef": "Date.Year", "active": True}]
    assert list(values_of(drawn["trend"]["vcObjects"], "Value")) == [
        "true",
        "'What the crew''s log says'",
    ]
    assert [one["Direction"] for one in drawn["trend"]["prototypeQuery"]["OrderBy"]] == [1]
    (order,) = drawn["areas"]["prototypeQuery"]["OrderBy"]
    assert (order["Direction"], order["Expression"]["Measure"]["Property"]) == (2, "Total Breaks")
    assert list(values_of(drawn["years"]["objects"], "Value")) == ["'Dropdown'"]


def test_a_card_of_several_figures() -> None:
    """The old card shows one figure: of several, all but the first would be lost."""
    figures = {"Data": (TOTAL, measure(BREAKS, "Breaks YoY %"))}
    card = Visual("figures", "cardVisual", "Figures", 0, 0, 300, 100, figures)
    parts = read_template(render_pbit(MODEL, Page("one", "One", (card,))))
    (container,) = parts[LAYOUT]["sections"][0]["visualContainers"]
    visual = container["config"]["singleVisual"]
    assert visual["visualType"] == "multiRowCard"
    assert len(visual["projections"]["Values"]) == 2


CHART = PAGE.visuals[1]
KEPT = Filter(YEAR, (2024,))
MISSING = Field("Date", "Decade", False, "dates", "decade")


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (replace(PAGE, filters=(KEPT,)), "The page Main breaks has a filter"),
        (replace(PAGE, drillthrough=YEAR), "The page Main breaks has a filter"),
        (replace(PAGE, visuals=(replace(CHART, filters=(KEPT,)),)), "visual trend .* has a filter"),
        (
            replace(PAGE, visuals=(replace(CHART, kind="azureMap"),)),
            "The visual trend on page Main breaks is a azureMap, which a template cannot show: "
            "remove it, or make it one of cardVisual, lineChart",
        ),
        (
            replace(PAGE, visuals=(replace(CHART, roles={"Category": (MISSING,)}),)),
            "shows Decade of Date, which the model does not have",
        ),
        (
            replace(
                PAGE, visuals=(replace(CHART, roles={"Y": (replace(YEAR, is_measure=True),)}),)
            ),
            "shows Year of Date, which the model does not have",
        ),
        (
            replace(PAGE, visuals=(replace(CHART, roles={"Y": (replace(TOTAL, table="X"),)}),)),
            "shows Total Breaks of X, which the model does not have",
        ),
    ],
)
def test_what_a_template_cannot_say_is_refused(page: Page, says: str) -> None:
    """A page with a hole where a map should be is worse than a sentence."""
    with pytest.raises(UserError, match=says):
        render_pbit(MODEL, page)
