"""Layers of ArcGIS servers, on good days and on bad ones: the right rows once, or a sentence."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from remote import portal as faults
from remote.layer import EDITED, PATH, Layer
from remote.portal import Fault, Portal

Fetch = Callable[..., Result]


@pytest.fixture
def layer(portal: Portal) -> Layer:
    return Layer(portal)


def fetched(folder: Path) -> list[dict[str, str]]:
    """Return the rows of the only download."""
    (file,) = folder.glob("raw/*/[0-9]*/features.csv")
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def main_ids(folder: Path) -> list[str]:
    return [row["MAINID"].partition(",")[0] for row in fetched(folder)]


def has_no_half_file(folder: Path) -> bool:
    return not list(folder.glob("raw/*/[0-9]*"))


def test_values_are_written_as_a_planner_reads_them(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    result = fetch(f"arcgis:{layer.url}")
    assert result.exit_code == 0, result.output
    rows = fetched(tmp_path)
    assert main_ids(tmp_path) == layer.rows()
    assert rows[1]["MAINID"] == 'M3, "north"'
    assert rows[0]["MATERIAL"] == "Cast iron"
    assert rows[0]["INSTALLED"] == "1970-01-01T00:00:00-08:00"  # the day that was meant
    assert rows[0]["DIAMETER"] == "152.4"
    assert rows[0]["geometry_wkt"] == "LINESTRING (-118.25 34.05, -118.24 34.06)"
    assert rows[2]["geometry_wkt"].startswith("MULTILINESTRING ((-118.25 34.05, ")
    assert "SHAPE" not in rows[0]


def test_manifest_says_what_was_fetched(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    assert fetch(f"arcgis:{layer.url}").exit_code == 0
    (path,) = tmp_path.glob("raw/*/[0-9]*/manifest.json")
    manifest = json.loads(path.read_text())
    (file,) = manifest["files"]
    assert manifest["licence"] == "Open Government Licence"
    assert file["rows"] == 25
    assert file["bytes"] == (path.parent / "features.csv").stat().st_size
    assert len(file["sha256"]) == 64
    assert file["url"].startswith(layer.url)


BAD_ANSWERS: dict[str, Fault] = {
    "too many requests": faults.status(429, Retry_After="0"),
    "fault of the server": faults.status(500),
    "not available": faults.status(503),
    "cut": faults.cut,
    "says too little": faults.says_too_little,
    "web page": faults.html,
    "wrong type": faults.wrong_type,
    "gzip": faults.zipped,
    "damaged gzip": faults.damaged_zip,
    "page repeated": faults.repeated,
}


@pytest.mark.parametrize("request_number", [1, 3])
@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_one_bad_answer_costs_no_row_and_doubles_none(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path, name: str, request_number: int
) -> None:
    portal.faults.extend([None] * request_number + [BAD_ANSWERS[name]])
    result = fetch(f"arcgis:{layer.url}")
    assert result.exit_code == 0, result.output
    assert main_ids(tmp_path) == layer.rows()


def test_a_redirect_within_the_server_is_followed(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    again = faults.redirect(f"{PATH}/query?again", 307)
    portal.faults.extend([faults.redirect(f"{PATH}?f=json"), None, None, again])
    result = fetch(f"arcgis:{layer.url}")
    assert result.exit_code == 0, result.output
    assert main_ids(tmp_path) == layer.rows()


def test_a_page_that_is_short_is_completed(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    layer.fields = {"maxRecordCount": 20}  # and gives 10
    assert fetch(f"arcgis:{layer.url}").exit_code == 0
    assert main_ids(tmp_path) == layer.rows()


def test_a_feature_that_is_never_given_ends_in_a_sentence(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    query = portal.answers[f"{PATH}/query"]

    def without_seven(parameters: dict[str, str]) -> dict:
        answer = query(parameters)
        kept = [item for item in answer.get("features", []) if item["attributes"]["OBJECTID"] != 7]
        return answer | {"features": kept} if "features" in answer else answer

    portal.answers[f"{PATH}/query"] = without_seven
    result = fetch(f"arcgis:{layer.url}", LA_PIPES_HTTP_RETRIES="1")
    assert result.exit_code == 2
    assert "1 features that it does not give, the first of them OBJECTID 7" in result.output
    assert has_no_half_file(tmp_path)


def test_data_that_change_between_pages_are_fetched_again(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    query = portal.answers[f"{PATH}/query"]

    def edited_once(parameters: dict[str, str]) -> dict:
        answer = query(parameters)
        if "OBJECTID >= 41" in parameters["where"] and layer.edited == EDITED:
            layer.edited, layer.material = EDITED + 1, "DI"
            layer.ids = [number for number in layer.ids if number != 3] + [99]
        return answer

    portal.answers[f"{PATH}/query"] = edited_once
    assert fetch(f"arcgis:{layer.url}").exit_code == 0
    assert main_ids(tmp_path) == layer.rows()
    assert {row["MATERIAL"] for row in fetched(tmp_path)} == {"Ductile iron"}


def test_data_that_never_rest_end_in_a_sentence(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    query = portal.answers[f"{PATH}/query"]

    def edited_always(parameters: dict[str, str]) -> dict:
        layer.edited = (layer.edited or 0) + 1
        return query(parameters)

    portal.answers[f"{PATH}/query"] = edited_always
    result = fetch(f"arcgis:{layer.url}")
    assert result.exit_code == 2
    assert "changes while it is fetched" in result.output
    assert has_no_half_file(tmp_path)


def test_an_interrupted_download_goes_on_with_the_same_bytes(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    portal.faults.extend([None] * 3 + [faults.cut] * 3)
    result = fetch(f"arcgis:{layer.url}")
    assert result.exit_code == 2
    assert "goes on from there" in result.output
    assert has_no_half_file(tmp_path)
    portal.requests.clear()
    assert fetch(f"arcgis:{layer.url}").exit_code == 0
    assert main_ids(tmp_path) == layer.rows()
    asked = [parameters.get("where", "") for _, _, parameters, _ in portal.requests]
    assert not [where for where in asked if "OBJECTID >= 1 " in where]


def test_what_did_not_change_is_not_fetched_again(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    assert fetch(f"arcgis:{layer.url}").exit_code == 0
    portal.requests.clear()
    result = fetch(f"arcgis:{layer.url}")
    assert "nothing new since" in result.output
    assert not [item for item in portal.requests if "outFields" in item[2]]
    layer.edited, layer.material = EDITED + 5, "DI"
    assert fetch(f"arcgis:{layer.url}").exit_code == 0
    assert len(list(tmp_path.glob("raw/*/[0-9]*/features.csv"))) == 2


def test_dry_run_fetches_nothing(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    result = fetch(f"arcgis:{layer.url}", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "25 rows, about 0.0 MB, Open Government Licence" in result.output
    assert not (tmp_path / "raw").exists()


def test_where_and_since_reach_the_server(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    layer.fields = {"editFieldsInfo": {"editDateField": "EDITED"}}
    arguments = ("--where", "STATUS = 'ACTIVE' OR 1=1", "--since", "2024-05-01")
    assert fetch(f"arcgis:{layer.url}", *arguments).exit_code == 0
    where = [item[2]["where"] for item in portal.requests if "where" in item[2]]
    condition = "(STATUS = 'ACTIVE' OR 1=1) AND EDITED >= TIMESTAMP '2024-05-01 00:00:00'"
    assert all(text.startswith(condition) for text in where)
    layer.fields = {}
    result = fetch(f"arcgis:{layer.url}", "--since", "2024-05-01")
    assert result.exit_code == 2
    assert "leave out --since" in result.output


@pytest.mark.parametrize("code", [498, 499])
def test_an_expired_token_is_a_sentence_without_it(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path, code: int
) -> None:
    layer.error = {"error": {"code": code, "message": "Invalid Token hush-hush"}}
    settings = {
        "LA_PIPES_ARCGIS_TOKEN": "hush-hush",
        "LA_PIPES_ARCGIS_TOKEN_HOST": f"127.0.0.1:{portal.port}",
    }
    result = fetch(f"arcgis:{layer.url}", **settings)
    assert result.exit_code == 2
    assert "no longer takes this one" in result.output
    assert portal.requests[0][3]["X-Esri-Authorization"] == "Bearer hush-hush"
    _check_hidden(result, tmp_path)


def _check_hidden(result: Result, folder: Path) -> None:
    assert "hush-hush" not in result.output
    for file in folder.rglob("*"):
        assert not file.is_file() or b"hush-hush" not in file.read_bytes(), file


def test_a_token_in_the_address_is_sent_and_written_nowhere(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    result = fetch(f"arcgis:{layer.url}?token=hush-hush")
    assert result.exit_code == 0, result.output
    assert portal.requests[0][3]["X-Esri-Authorization"] == "Bearer hush-hush"
    _check_hidden(result, tmp_path)
    layer.error = {"error": {"code": 400, "message": "Cannot perform query"}}
    result = fetch(f"arcgis:{layer.url}?token=hush-hush")
    assert "Cannot perform query" in result.output
    _check_hidden(result, tmp_path)


def test_a_token_is_sent_to_its_own_host_only(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    settings = {"LA_PIPES_ARCGIS_TOKEN": "hush-hush"}
    result = fetch(f"arcgis:{layer.url}", **settings)
    assert "set LA_PIPES_ARCGIS_TOKEN_HOST" in result.output
    settings["LA_PIPES_ARCGIS_TOKEN_HOST"] = "gis.my-city.org"
    assert fetch(f"arcgis:{layer.url}", **settings).exit_code == 0
    assert "X-Esri-Authorization" not in portal.requests[0][3]


def test_a_service_of_several_layers_names_them(portal: Portal, layer: Layer, fetch: Fetch) -> None:
    result = fetch(f"arcgis:{layer.url.removesuffix('/3')}")
    assert result.exit_code == 2
    assert "2 layers: 0 (Valves), 3 (Mains)" in result.output


def test_codes_of_subtypes_are_resolved(
    portal: Portal, layer: Layer, fetch: Fetch, tmp_path: Path
) -> None:
    own = {"type": "codedValue", "codedValues": [{"code": "CI", "name": "Cast iron, old"}]}
    layer.fields = {
        "typeIdField": "DIAMETER",
        "types": [{"id": "152.4", "name": "6 inches", "domains": {"MATERIAL": own}}],
    }
    assert fetch(f"arcgis:{layer.url}").exit_code == 0
    assert fetched(tmp_path)[0]["MATERIAL"] == "Cast iron, old"
    assert fetched(tmp_path)[0]["DIAMETER"] == "6 inches"
