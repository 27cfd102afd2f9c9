"""The files of a report: what Power BI, a screen reader and a color-blind reader make of them."""

import csv
import itertools
import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cities import DATA, ROOT
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import write_whole
from la_pipeline_failure_predict.powerbi import theme as look
from la_pipeline_failure_predict.powerbi.authoring_check import COMMAND, run_authoring_check
from la_pipeline_failure_predict.powerbi.pbir import render_report
from la_pipeline_failure_predict.powerbi.pbir_reader import FieldUse, ReportFiles, read_report_files
from la_pipeline_failure_predict.powerbi.report import Filter, Page, Report, Visual
from la_pipeline_failure_predict.powerbi.schema_check import check_schemas
from la_pipeline_failure_predict.powerbi.visual_kinds import VISUAL_KINDS
from powerbi.example_report import (
    BREAKS,
    MAIN,
    MAIN_PAGE,
    MODEL_PATH,
    MONTH,
    OVERVIEW,
    REPORT,
    RISK,
    RISK_CLASS,
    YEAR,
)

REFERENCE = DATA.parent / "powerbi"
SCHEMAS = REFERENCE / "schemas"
needs_schemas = pytest.mark.skipif(
    not SCHEMAS.is_dir(), reason=f"no copy of Microsoft's schemas in {SCHEMAS}"
)
FILES = render_report(REPORT, MODEL_PATH)
# Three dimensions of color vision lose one: matrices for the full loss, on linear RGB, of Machado,
# Oliveira and Fernandes, A physiologically-based model for simulation of color vision deficiency,
# IEEE TVCG 15 (2009).
VISION = {
    "all three cones": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """The example's files in a folder."""
    for path, text in FILES.items():
        write_whole(tmp_path / path, text)
    return tmp_path


def part(pattern: str, files: dict[str, str] = FILES) -> dict:
    """Return the one file whose path matches."""
    [text] = [text for path, text in files.items() if re.search(pattern, path)]
    return json.loads(text)


def visual(key: str, files: dict[str, str] = FILES) -> dict:
    """Return the visual with the title that the example gives this key."""
    title = json.dumps(key.replace("_", " ").capitalize())[1:-1]
    found = [text for text in files.values() if f"\"'{title}'\"" in text]
    return json.loads(found[0])


def with_visual(**changes: object) -> Report:
    """Return a report of one page and one line chart, changed."""
    chart = Visual(
        "trend", "lineChart", "Trend", 0, 0, 600, 300, {"Category": (YEAR,), "Y": (BREAKS,)}
    )
    return Report("r", "R", "", (Page("p", "P", (replace(chart, **changes),)),))


# The files


def test_same_report_gives_the_same_bytes():
    assert render_report(REPORT, MODEL_PATH) == FILES


def test_files_are_text_that_desktop_reads():
    for path, text in FILES.items():
        assert text.endswith("}\n"), path
        assert "\r" not in text, path
        assert not text.startswith("\ufeff"), path
        assert len(path) < 200, f"{path}: Windows allows 260 characters, with the user's folder"
        json.loads(text)


@needs_schemas
def test_files_follow_microsofts_schemas():
    assert check_schemas(FILES, SCHEMAS) == []


@needs_schemas
@pytest.mark.parametrize(
    ("suffix", "old", "new", "said"),
    [
        ("pages.json", '"pageOrder"', '"order"', "order"),
        ("example_report.pbip", '"version": "1.0"', '"version": 1', "version: 1 is not of type"),
        ("report.json", '"SharedResources"', '"Shared"', "type"),
        ("report.json", "report/3.0.0", "report/99.0.0", "is not published"),
        ("version.json", '"$schema"', '"schema"', "has no $schema"),
        (".platform", '"displayName"', '"name"', "'displayName' is a required property"),
        ("definition.pbir", "{", "", "is not JSON"),
    ],
)
def test_a_file_against_the_schema_is_reported(suffix: str, old: str, new: str, said: str):
    files = {
        path: text.replace(old, new, 1) if path.endswith(suffix) else text
        for path, text in FILES.items()
    }
    [*faults] = check_schemas(files, SCHEMAS)
    assert faults
    assert {path.endswith(suffix) for path, _ in faults} == {True}
    assert said in " ".join(message for _, message in faults)


def test_a_folder_without_schemas_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="No folder fabric"):
        check_schemas(FILES, tmp_path)


@needs_schemas
def test_half_a_copy_of_the_schemas_is_refused(tmp_path: Path):
    name = Path("fabric", "item", "report", "definition", "page", "2.0.0", "schema.json")
    write_whole(tmp_path / name, (SCHEMAS / name).read_text())
    page = {path: text for path, text in FILES.items() if path.endswith("page.json")}
    with pytest.raises(UserError, match=r"not complete.*is missing"):
        check_schemas(page, tmp_path)


def test_data_roles_are_those_of_power_bi():
    reference = REFERENCE / "visual_roles.json"
    if not reference.is_file():
        pytest.skip(f"no list of data roles in {reference}")
    takes = ("column", "measure", "field")
    known = {
        kind: {role["name"]: takes[role["kind"]] for role in roles}
        for kind, roles in json.loads(reference.read_text()).items()
    }
    for kind, roles in VISUAL_KINDS.items():
        if kind != "actionButton":  # has no data, and is not in the list
            assert {name: role.takes for name, role in roles.items()}.items() <= known[kind].items()


def test_the_theme_styles_kinds_that_reports_use():
    assert set(look.STYLES) <= {*VISUAL_KINDS, "*", "page"}


# Microsoft's tool


def test_microsofts_tool_finds_nothing(reports: Path):
    findings = run_authoring_check(reports)
    if findings is None:
        pytest.skip(f"no {COMMAND}: npm install @microsoft/powerbi-report-authoring-cli@0.1.4")
    assert findings == []


def test_microsofts_tool_finds_a_theme_that_is_missing(reports: Path):
    next(reports.rglob("RegisteredResources/*.json")).unlink()
    findings = run_authoring_check(reports)
    if findings is None:
        pytest.skip(f"no {COMMAND}: npm install @microsoft/powerbi-report-authoring-cli@0.1.4")
    [finding] = findings
    assert finding.startswith("error PBIR_THEME_FILE_MISSING: ")
    assert str(reports) not in finding


def test_without_microsofts_tool_nothing_is_checked(reports: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(reports))
    monkeypatch.delenv("LA_PIPES_NODE_FOLDER", raising=False)
    assert run_authoring_check(reports) is None


@pytest.mark.skipif(not shutil.which("node"), reason="no Node")
def test_another_tool_of_that_name_is_reported(reports: Path, monkeypatch: pytest.MonkeyPatch):
    tool = reports / "node_modules" / ".bin" / COMMAND
    write_whole(tool, "#!/bin/sh\necho unknown command >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("LA_PIPES_NODE_FOLDER", str(reports))
    # First on the path, where the real tool may be too.
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(UserError, match=r"unknown command.*0\.1\.4"):
        run_authoring_check(reports)


# Reading back


def read(folder: Path) -> ReportFiles:
    [report] = read_report_files(folder)
    return report


def test_every_field_of_the_report_is_read_back(reports: Path):
    found = {(use.table, use.name, use.is_measure) for use in read(reports).all_fields()}
    assert found == {(field.table, field.name, field.is_measure) for field in REPORT.fields()}


def test_fields_are_read_with_their_file(reports: Path):
    for use in read(reports).all_fields():
        text = (reports / use.file).read_text()
        assert f'"{use.name}"' in text
        assert f'"{use.table}"' in text


def test_what_leads_to_other_files_is_read_back(reports: Path):
    report = read(reports)
    assert report.name == report.display_name == "example_report"
    assert report.model_path == MODEL_PATH
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", report.logical_id)
    assert {"la_pipes.json", "CY24SU10"} == set(report.themes) == set(report.resources)
    assert all(path.is_file() for path in report.resources.values())


def test_pages_open_at_the_first_that_is_not_hidden(reports: Path):
    report = read(reports)
    by_name = {page.name: page for page in report.pages}
    assert [by_name[name].display_name for name in report.page_order] == [
        "One main",
        "Overview",
        "Risk",
    ]
    assert by_name[report.active_page].display_name == "Overview"
    assert [page.display_name for page in report.pages if page.is_hidden] == ["One main"]


def test_names_are_those_of_the_folders(reports: Path):
    pages = read(reports).pages
    visuals = [visual for page in pages for visual in page.visuals]
    assert all(item.name == item.folder for item in [*pages, *visuals])
    assert len(visuals) == sum(len(page.visuals) for page in REPORT.pages)


def test_a_screen_reader_says_the_title(reports: Path):
    visuals = [item for page in read(reports).pages for item in page.visuals]
    titles = sorted(item.title for page in REPORT.pages for item in page.visuals)
    assert sorted(item.alt_text for item in visuals) == titles
    assert all(item.title in ("", item.alt_text) for item in visuals)


def test_a_level_of_a_hierarchy_is_read_as_its_column(reports: Path):
    level = {
        "HierarchyLevel": {
            "Expression": {
                "Hierarchy": {
                    "Expression": {"SourceRef": {"Entity": "Date"}},
                    "Hierarchy": "Calendar",
                }
            },
            "Level": "Quarter",
        }
    }
    file = next(reports.rglob("visual.json"))
    changed = json.loads(file.read_text()) | {"annotations": level}
    file.write_text(json.dumps(changed))
    use = FieldUse(file.relative_to(reports).as_posix(), "Date", "Quarter", False)
    assert use in set(read(reports).all_fields())


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("report.json", "{", "report.json is not JSON"),
        ("page.json", "[]", "page.json is not a JSON object"),
        ("pages.json", None, "No file .*pages.json"),
        (
            "report.json",
            '{"themeCollection": []}',
            "Report does not have the layout",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_named(reports: Path, name: str, text: str | None, said: str):
    file = next(reports.rglob(name))
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    with pytest.raises(UserError, match=said):
        read_report_files(reports)


# Visuals


def test_values_are_written_as_power_bi_writes_them():
    filters = [
        rule["filter"]["Where"][0]["Condition"]["In"]["Values"]
        for name in ("riskiest_mains", "breaks_by_area_and_year")
        for rule in visual(name)["filterConfig"]["filters"]
    ]
    values = [[value["Literal"]["Value"] for [value] in rule] for rule in filters]
    assert values == [["'Very high'", "'High'"], ["false"], ["2024L", "2025L"]]
    texts = [text for path, text in FILES.items() if path.endswith("page.json")]
    assert any("'King''s Row'" in text for text in texts)


def test_a_filter_names_the_table_it_is_on():
    [rule, _] = visual("riskiest_mains")["filterConfig"]["filters"]
    [source] = rule["filter"]["From"]
    [expression] = rule["filter"]["Where"][0]["Condition"]["In"]["Expressions"]
    assert source["Entity"] == "Pipe Risk"
    assert expression["Column"]["Expression"]["SourceRef"] == {"Source": source["Name"]}


def test_names_of_filters_differ_over_the_whole_report():
    names = re.findall(r'"name": "([0-9a-f]{20})"', "".join(FILES.values()))
    assert len(names) == len(set(names))


def test_a_main_can_be_drilled_through_to():
    page = part(r"page\.json", {path: text for path, text in FILES.items() if "One main" in text})
    [rule] = page["filterConfig"]["filters"]
    [parameter] = page["pageBinding"]["parameters"]
    assert page["type"] == page["pageBinding"]["type"] == "Drillthrough"
    assert page["visibility"] == "HiddenInViewMode"
    assert parameter["boundFilter"] == rule["name"]
    assert parameter["fieldExpr"] == rule["field"]
    assert rule["field"]["Column"]["Property"] == MAIN.name
    assert "filter" not in rule, "a value would hide the main that the reader comes from"


def test_a_visual_is_sorted_as_asked():
    [order] = visual("breaks_by_material")["visual"]["query"]["sortDefinition"]["sort"]
    assert order["direction"] == "Descending"
    assert order["field"]["Measure"]["Property"] == BREAKS.name


def test_the_keyboard_follows_the_order_of_the_page(reports: Path):
    [overview] = [page for page in read(reports).pages if page.display_name == "Overview"]
    files = [json.loads((reports / item.file).read_text()) for item in overview.visuals]
    files.sort(key=lambda file: file["position"]["tabOrder"])
    assert [(file["position"]["x"], file["position"]["y"]) for file in files] == [
        (item.x, item.y) for item in OVERVIEW.visuals
    ]


def test_columns_of_the_same_name_stay_apart_in_one_visual():
    projections = visual("riskiest_mains")["visual"]["query"]["queryState"]["Values"]["projections"]
    names = [projection["nativeQueryRef"] for projection in projections]
    assert names == ["Rank", "Main", "Material", "Material1", "Risk Class", "Expected Breaks"]


def test_a_chart_of_two_levels_opens_at_the_first():
    report = with_visual(roles={"Category": (YEAR, MONTH), "Y": (BREAKS,)})
    state = part("visual.json", render_report(report, MODEL_PATH))["visual"]["query"]["queryState"]
    assert [level.get("active") for level in state["Category"]["projections"]] == [True, None]
    assert "active" not in state["Y"]["projections"][0]


def test_a_slicer_is_a_list_to_open():
    objects = visual("area")["visual"]["objects"]
    [data], [header] = objects["data"], objects["header"]
    assert data["properties"]["mode"]["expr"]["Literal"]["Value"] == "'Dropdown'"
    # The title says the same, and a low slicer has no room for both.
    assert header["properties"]["show"]["expr"]["Literal"]["Value"] == "false"


def test_a_card_does_not_say_its_name_twice():
    def shows_label(key: str) -> str:
        [item] = visual(key)["visual"]["objects"]["label"]
        return item["properties"]["show"]["expr"]["Literal"]["Value"]

    assert shows_label("breaks") == "false"
    assert shows_label("figures") == "true"


@pytest.mark.parametrize("key", ["length_by_material_and_class", "length_by_class"])
def test_classes_of_risk_have_their_colors(key: str):
    found = {}
    for rule in visual(key)["visual"]["objects"]["dataPoint"]:
        comparison = rule["selector"]["data"][0]["scopeId"]["Comparison"]
        assert comparison["Left"]["Column"]["Property"] == RISK_CLASS.name
        name = comparison["Right"]["Literal"]["Value"].strip("'")
        color = rule["properties"]["fill"]["solid"]["color"]["expr"]["Literal"]["Value"]
        found[name] = color.strip("'")
    assert found == look.class_colors()


def test_a_text_box_shows_its_title():
    [about] = [json.loads(text) for text in FILES.values() if '"visualType": "textbox"' in text]
    [general] = about["visual"]["objects"]["general"]
    runs = [paragraph["textRuns"][0]["value"] for paragraph in general["properties"]["paragraphs"]]
    assert runs == ["Los Angeles' water mains"]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (with_visual(kind="map"), "visual trend on page p of report r is a map"),
        (with_visual(roles={"Axis": (YEAR,)}), "has no role Axis: the roles of a lineChart"),
        (
            with_visual(roles={"Category": (BREAKS,), "Y": (BREAKS,)}),
            "has Breaks in Category: it takes a column",
        ),
        (
            with_visual(roles={"Category": (YEAR,), "Y": (YEAR,)}),
            "has Year in Y: it takes a measure",
        ),
        (with_visual(roles={"Y": (BREAKS,)}), "has nothing in Category"),
        (
            with_visual(kind="slicer", roles={"Values": (YEAR, RISK_CLASS)}),
            "has 2 fields in Values: it takes 1",
        ),
        (with_visual(title=""), "no title: a screen reader"),
        (with_visual(x=700), "reaches beyond the page of 1280 x 720"),
        (with_visual(filters=(Filter(BREAKS, (1,)),)), "filter on Breaks .* is on a measure"),
        (with_visual(filters=(Filter(YEAR, ()),)), "filter on Year .* has no values"),
        (Report("r", "R", "", ()), "report r has no page"),
        (Report("r", "R", "", (RISK, RISK)), "2 pages with the key risk"),
        (
            Report("r", "R", "", (replace(RISK, visuals=RISK.visuals[:1] * 2),)),
            "2 visuals with the key class",
        ),
        (
            Report("r", "R", "", (replace(MAIN_PAGE, drillthrough=BREAKS),)),
            "entered by the measure Breaks",
        ),
    ],
)
def test_what_power_bi_would_not_show_is_refused(report: Report, said: str):
    with pytest.raises(UserError, match=said):
        render_report(report, MODEL_PATH)


# Colors


def linear(color: str) -> np.ndarray:
    """Return the linear RGB of a color, each 0 to 1 (IEC 61966-2-1)."""
    channels = np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(color: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.1, from 1 to 21."""
    dark, light = sorted(TO_XYZ[1] @ linear(each) for each in (color, other))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Return the CIE 1976 L*a*b* of linear RGB under D65."""
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883])
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def nearest(colors: list[str], vision: str) -> float:
    """Return the smallest difference between two of the colors: 2.3 is just noticeable."""
    seen = [lab(VISION[vision] @ linear(color)) for color in colors]
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(
    "colors",
    [list(look.DATA_COLORS), list(look.CLASS_COLORS.values()), [look.GOOD, look.NEUTRAL, look.BAD]],
    ids=["data", "classes", "good and bad"],
)
def test_colors_differ_for_every_reader(colors: list[str], vision: str):
    assert nearest(colors, vision) > 12


def test_red_and_green_would_be_reported():
    assert (
        nearest(["#c23b3b", "#6a8a1f"], "deuteranopia")
        < 12
        < nearest(["#c23b3b", "#6a8a1f"], "all three cones")
    )


def test_colors_stand_out_from_the_page():
    assert all(contrast(color, look.PAPER) >= 3 for color in look.DATA_COLORS)
    assert all(
        contrast(ink, paper) >= 4.5
        for ink in (look.INK, look.MUTED_INK)
        for paper in (look.PAPER, look.BAND)
    )


def test_a_riskier_class_is_darker():
    lightness = [lab(linear(color))[0] for color in look.CLASS_COLORS.values()]
    assert lightness == sorted(lightness, reverse=True)


def test_classes_are_named_as_the_warehouse_names_them():
    with (ROOT / "seeds" / "risk_classes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert set(look.CLASS_COLORS) == {row["risk_class_code"] for row in rows}
    assert set(look.class_colors()) == {row["risk_class_name"] for row in rows}
