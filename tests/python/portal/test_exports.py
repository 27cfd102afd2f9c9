"""Downloads: the same rows in every format, of the account's areas, whole or not at all."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook
from werkzeug.test import TestResponse

from cities import City
from la_pipeline_failure_predict.portal.auth.models import AuditEntry, db
from la_pipeline_failure_predict.portal.data import exports
from la_pipeline_failure_predict.portal.data.publish import publish
from la_pipeline_failure_predict.portal.data.store import Manifest, Store
from portal.conftest import Portal

KINDS = ("csv", "xlsx", "geojson")
ORIGIN = ("run_id", "snapshot_id", "as_of_date", "filter")
Row = dict[str, Any]


def manifest_of(portal: Portal) -> Manifest:
    manifest = Store(portal.config.folder).current()
    assert manifest is not None
    return manifest


def change_snapshot(portal: Portal, *statements: str) -> None:
    """Change the database of the portal's own copy of the snapshot, before it is opened."""
    file = Store(portal.config.folder).database(manifest_of(portal).snapshot_id)
    with duckdb.connect(str(file)) as snapshot:
        for statement in statements:
            snapshot.execute(statement)


def parse(answer: TestResponse, kind: str) -> tuple[Row, list[Row]]:
    """Where the rows of a file come from, and the rows with what is typed in it."""
    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert answer.content_type.count("charset") == (kind == "csv")
    if kind == "csv":
        rows: list[Row] = list(csv.DictReader(io.StringIO(answer.text)))
        (origin,) = {tuple(row.pop(name) for name in ORIGIN) for row in rows} or {("",) * 4}
        return dict(zip(ORIGIN, origin, strict=True)), rows
    if kind == "xlsx":
        book = CalamineWorkbook.from_filelike(io.BytesIO(answer.data))
        about, sheet = (book.get_sheet_by_index(number).to_python() for number in range(2))
        names, *values = sheet
        said = {str(name): value for name, value in about}
        return said, [dict(zip(map(str, names), row, strict=True)) for row in values]
    content = json.loads(answer.data)
    assert content["type"] == "FeatureCollection"
    return content["metadata"], [feature["properties"] for feature in content["features"]]


def comparable(row: Row) -> Row:
    """The row with numbers as numbers, whatever the format has."""

    def value_of(value: object) -> object:
        try:
            return pytest.approx(float(str(value)))
        except ValueError:
            return value

    return {name: "" if value is None else value_of(value) for name, value in row.items()}


def plain(row: Row) -> Row:
    """A row of CSV, numbers as numbers."""

    def value_of(value: str) -> object:
        try:
            return float(value)
        except ValueError:
            return value

    return {name: value_of(value) for name, value in row.items()}


@pytest.mark.parametrize("query", ["", "material=Cast+iron&soil=moderate", "street=nowhere"])
def test_all_formats_have_the_rows_of_the_ranking(portal: Portal, query: str) -> None:
    browser = portal.signed_in("planner")
    parsed = {kind: parse(browser.get(f"/risk.{kind}?{query}"), kind) for kind in KINDS}
    origin, rows = parsed["csv"]
    for kind in ("xlsx", "geojson"):
        other_origin, others = parsed[kind]
        if kind == "geojson":
            others.sort(key=lambda row: row["risk_rank"])
        assert [comparable(row) for row in others] == [plain(row) for row in rows], kind
        if rows:
            assert other_origin == origin, kind
    assert f"{len(rows):,} mains" in browser.get(f"/risk?{query}").text
    assert [int(row["risk_rank"]) for row in rows] == sorted(int(row["risk_rank"]) for row in rows)
    manifest = manifest_of(portal)
    assert parsed["xlsx"][0] == {
        "run_id": manifest.run_ids["pipe"],
        "snapshot_id": manifest.snapshot_id,
        "as_of_date": "2025-01-01",
        "filter": {
            "": "none",
            "street=nowhere": "street nowhere",
        }.get(query, "material Cast iron, soil moderate"),
    }
    for row in parsed["xlsx"][1][:5]:
        assert isinstance(row["risk_usd"], float)
        assert isinstance(row["risk_rank"], float)


def test_geojson_has_the_lines_of_the_mains(portal: Portal) -> None:
    change_snapshot(
        portal,
        "delete from published.pipe_lines where pipe_id = "
        "(select pipe_id from published.pipe_risk where risk_rank = 2)",
        "update published.pipe_lines set line_wkt = "
        "'MULTILINESTRING ((-118.2 34.1, -118.3 34.2), (1 2, 3.5 -4))' where pipe_id = "
        "(select pipe_id from published.pipe_risk where risk_rank = 3)",
    )
    answer = portal.signed_in("planner").get("/risk.geojson")
    assert answer.mimetype == "application/geo+json"
    features = {
        feature["properties"]["risk_rank"]: feature
        for feature in json.loads(answer.data)["features"]
    }
    line = features[1]["geometry"]
    assert line["type"] == "LineString"
    middle = [
        sum(place) / len(line["coordinates"]) for place in zip(*line["coordinates"], strict=True)
    ]
    properties = features[1]["properties"]
    assert middle == pytest.approx([properties["longitude"], properties["latitude"]], abs=0.01)
    assert features[1]["id"] == properties["pipe_id"]
    assert features[2]["geometry"] is None
    assert features[3]["geometry"] == {
        "type": "MultiLineString",
        "coordinates": [[[-118.2, 34.1], [-118.3, 34.2]], [[1, 2], [3.5, -4]]],
    }


def test_no_file_has_a_formula(
    portal: Portal, sample_cities: dict[str, City], copy_city: Callable[[City], City]
) -> None:
    city = copy_city(sample_cities["duckdb"])
    with city.connect() as warehouse:
        warehouse.execute("update powerbi.pipe_risk set street_name = '=1+1' where risk_rank = 1")
        publish(warehouse, portal.config.folder, force=True)
    browser = portal.signed_in("planner")
    for kind in ("csv", "xlsx"):
        _, rows = parse(browser.get(f"/risk.{kind}"), kind)
        assert rows[0]["street_name"] == "'=1+1", kind
    _, rows = parse(browser.get("/risk.geojson"), "geojson")
    assert rows[0]["street_name"] == "=1+1", "no spreadsheet runs it there"
    # What was typed as a filter comes from an address that somebody else may have made.
    book = browser.get("/risk.xlsx?street=%3D1%2B1").data
    assert parse(browser.get("/risk.csv?street=%3D1%2B1"), "csv")[1]
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        sheets = [name for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
        assert len(sheets) == 2
        for name in sheets:
            assert b"<f>" not in parts.read(name), name


@pytest.mark.parametrize("kind", KINDS)
def test_no_file_has_a_main_of_a_foreign_area(
    portal: Portal, areas_of: dict[str, list[str]], kind: str
) -> None:
    mine, theirs = sorted(areas_of)[:2]
    browser = portal.signed_in("planner", (mine,))
    _, rows = parse(browser.get(f"/risk.{kind}"), kind)
    assert [row["pipe_id"] for row in rows] == areas_of[mine]
    assert parse(browser.get(f"/risk.{kind}?area={theirs}"), kind)[1] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_fails_half_way_is_not_sent(portal: Portal, kind: str) -> None:
    change_snapshot(
        portal,
        "alter table published.pipe_risk rename to whole_risk",
        "create view published.pipe_risk as select * replace (if(risk_rank = "
        "(select max(risk_rank) from published.whole_risk), error('broken'), street_name) "
        "as street_name) from published.whole_risk",
    )
    answer = portal.signed_in("planner").get(f"/risk.{kind}")
    assert answer.status_code == 500
    assert "Content-Disposition" not in answer.headers
    with portal.app.app_context():
        actions = list(db.session.scalars(sa.select(AuditEntry.action)))
    assert "export" not in actions


def test_each_download_is_in_the_audit(portal: Portal) -> None:
    browser = portal.signed_in("planner")
    rows = len(parse(browser.get("/risk.geojson?risk_class=high"), "geojson")[1])
    with portal.app.app_context():
        (entry,) = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "export"))
        assert entry.detail == f"mains.geojson, risk_class high, {rows:,} rows"
        assert entry.subject == manifest_of(portal).snapshot_id


def test_a_workbook_of_too_many_rows_is_refused(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_XLSX_ROWS", 100)
    browser = portal.signed_in("planner")
    assert browser.get("/risk.xlsx").status_code == 413
    assert browser.get("/risk.xlsx?street=nowhere").status_code == 200
    assert browser.get("/risk.csv").status_code == 200
