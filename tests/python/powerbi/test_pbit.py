"""The template: every part as Power BI reads it, and a page whose fields the model has."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.pbit import (
    CONTENT,
    CONTENT_TYPES,
    LAYOUT,
    RESOURCES,
    SCHEMA,
    read_pbit,
    render_pbit,
    write_pbit,
)
from la_pipeline_failure_predict.powerbi.report import Field, Filter, Page, Visual
from la_pipeline_failure_predict.powerbi.tmsl import to_tmsl
from powerbi.example_model import BREAKS, MODEL, PAGE, TOTAL, YEAR, measure


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "la_pipe_break_model.pbit"
    write_pbit(MODEL, PAGE, path)
    return path


def raw_parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(path: Path, name: str, content: bytes) -> Path:
    """Replace a part of a template."""
    parts = raw_parts(path.read_bytes()) | {name: content}
    with zipfile.ZipFile(path, "w") as archive:
        for part, value in parts.items():
            archive.writestr(part, value)
    return path


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


def visuals(template: Path) -> dict[str, dict[str, Any]]:
    """Return each visual of the layout, by the key of the page that it was made from."""
    (section,) = read_pbit(template)[LAYOUT]["sections"]
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


def test_every_part_has_a_content_type(template: Path) -> None:
    """A part without one makes the package unreadable."""
    parts = read_pbit(template)
    types = ElementTree.fromstring(parts.pop(CONTENT_TYPES))
    named = {one.attrib.get("PartName") for one in types}
    endings = {one.attrib.get("Extension") for one in types}
    assert set(parts) >= {*CONTENT, f"{RESOURCES}/RegisteredResources/la_pipes.json"}
    for name in parts:
        assert f"/{name}" in named or name.rpartition(".")[2] in endings
    assert len(named - {None}) == len(CONTENT)


def test_the_model_is_that_of_the_project_and_nothing_is_null(template: Path) -> None:
    """A null name is `Cannot convert value '' to required type 'String'` when it is opened."""
    parts = read_pbit(template)
    assert parts[SCHEMA] == to_tmsl(MODEL)
    for name, part in parts.items():
        assert "null" not in json.dumps(part), name
    assert all(isinstance(name, str) and name for name in values_of(parts[SCHEMA], "name"))
    tags = {table["name"]: table["lineageTag"] for table in parts[SCHEMA]["model"]["tables"]}
    (diagram,) = parts["DiagramLayout"]["diagrams"]
    assert {node["nodeIndex"]: node["nodeLineageTag"] for node in diagram["nodes"]} == tags


def test_the_themes_that_the_page_names_are_there(template: Path) -> None:
    """A theme that is missing is `report load failed`, although the model is fine."""
    parts = read_pbit(template)
    layout = parts[LAYOUT]
    packages = [one["resourcePackage"] for one in layout["resourcePackages"]]
    for package in packages:
        for item in package["items"]:
            assert f"{RESOURCES}/{package['name']}/{item['path']}" in parts
    named = {theme["name"] for theme in layout["config"]["themeCollection"].values()}
    assert named == {item["name"] for package in packages for item in package["items"]}


def test_every_field_of_the_page_is_in_the_model(template: Path) -> None:
    """A visual that asks for what the model lacks shows an error in place of a chart."""
    tables = {table["name"]: table for table in read_pbit(template)[SCHEMA]["model"]["tables"]}
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


def test_visuals_are_those_that_a_template_knows(template: Path) -> None:
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


def test_a_card_of_several_figures_and_a_heading_of_its_own(tmp_path: Path) -> None:
    """The old card shows one figure: of several, all but the first would be lost."""
    labelled = replace(measure(BREAKS, "Breaks YoY %"), label="Change")
    card = Visual("figures", "cardVisual", "Figures", 0, 0, 300, 100, {"Data": (TOTAL, labelled)})
    path = tmp_path / "cards.pbit"
    write_pbit(MODEL, Page("one", "One", (card,)), path)
    (container,) = read_pbit(path)[LAYOUT]["sections"][0]["visualContainers"]
    visual = container["config"]["singleVisual"]
    assert visual["visualType"] == "multiRowCard"
    assert len(visual["projections"]["Values"]) == 2
    assert visual["columnProperties"] == {"Pipe Breaks.Breaks YoY %": {"displayName": "Change"}}


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
            "take it out, or make it one of cardVisual, lineChart",
        ),
        (
            replace(PAGE, visuals=(replace(CHART, roles={"Category": (MISSING,)}),)),
            "shows Decade of Date, which the model has not",
        ),
        (
            replace(
                PAGE, visuals=(replace(CHART, roles={"Y": (replace(YEAR, is_measure=True),)}),)
            ),
            "shows Year of Date, which the model has not",
        ),
        (
            replace(PAGE, visuals=(replace(CHART, roles={"Y": (replace(TOTAL, table="X"),)}),)),
            "shows Total Breaks of X, which the model has not",
        ),
    ],
)
def test_what_a_template_cannot_say_is_refused(page: Page, says: str, tmp_path: Path) -> None:
    """A page with a hole where a map should be is worse than a sentence."""
    with pytest.raises(UserError, match=says):
        write_pbit(MODEL, page, tmp_path / "none.pbit")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (LAYOUT, "\ufeff{}".encode("utf-16-le"), "starts with a byte order mark"),
        (SCHEMA, b'{"name": "x"}', "Cannot read DataModelSchema in"),
        (SCHEMA, '{"name":'.encode("utf-16-le"), "Cannot read DataModelSchema in"),
        (LAYOUT, '{"config": "{"}'.encode("utf-16-le"), "Cannot read Report/Layout in"),
    ],
)
def test_a_broken_part_is_told(template: Path, name: str, content: bytes, says: str) -> None:
    """A check that reads a broken template must say which part is broken."""
    with pytest.raises(UserError, match=says):
        read_pbit(rewritten(template, name, content))


def test_a_file_that_is_no_template_is_told(tmp_path: Path) -> None:
    """A pointer of Git LFS in place of the file is the usual reason."""
    path = tmp_path / "model.pbit"
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(UserError, match=r"Cannot read .*model.pbit as a template"):
        read_pbit(path)
