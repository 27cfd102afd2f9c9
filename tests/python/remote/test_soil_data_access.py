"""Soil surveys of USDA: what the service answers becomes a survey's folder, which loads."""

import json
import re
import sqlite3
from pathlib import Path

import pytest

from cities import City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.load import load_files
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.remote import soil_data_access
from la_pipeline_failure_predict.sources.remote.download import Downloaded, download
from la_pipeline_failure_predict.sources.remote.soil_data_access import survey_files
from remote import portal as faults
from remote.portal import Fault, Parameters, Portal

SCHEMA = """
create table sacatalog (areasymbol, saverest);
insert into sacatalog values ('CA696', '9/1/2025 10:00:00 PM'), ('CA676', '9/2/2025 1:00:00 AM');
create table legend (lkey, areasymbol);
insert into legend values ('1', 'CA696'), ('2', 'CA676'), ('3', 'AZ649');
create table mapunit (mukey, musym, muname, mukind, lkey);
create table component (cokey, mukey, compname, comppct_r, majcompflag, drainagecl, hydgrp,
    corsteel, corcon);
create table chorizon (chkey, cokey, hzname, hzdept_r, hzdepb_r, ph1to1h2o_r, ec_r, lep_r,
    claytotal_r);
create table mupolygon (mupolygonkey, mukey, wkt);
"""
SQUARE = "POLYGON (({0} 34, {0} 34.1, {1} 34.1, {1} 34, {0} 34))"
BOX = [-118.67, 33.70, -118.15, 34.34]


class Service:
    """The service's tables; its SQL is run by SQLite after its own words are replaced."""

    def __init__(self, portal: Portal) -> None:
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.executescript(SCHEMA)
        for number in range(1, 46):
            lkey = 1 if number <= 30 else 2 if number <= 40 else 3
            self._insert("mapunit", number, f"{number}", f'Loam | "deep" {number}', "Complex", lkey)
            self._insert(
                *("component", 100 + number, number, "Yolo", "85", "Yes", None, "B"),
                *("High", "Moderate"),
            )
            self._insert(
                "chorizon", 200 + number, 100 + number, "A", "0", "30", "7.4", "1", "4.5", "28"
            )
        for number in range(1, 4):
            west = -118.3 + number / 100
            self._insert("mupolygon", number, 1, SQUARE.format(west, west + 0.01))
        portal.answers["/Tabular/post.rest"] = self.answer

    def _insert(self, table: str, *values: object) -> None:
        marks = ", ".join("?" * len(values))
        texts = [value if value is None else str(value) for value in values]
        self._database.execute(f"insert into {table} values ({marks})", texts)

    def answer(self, parameters: Parameters) -> dict:
        query = json.loads(parameters["body"])["query"]
        top = re.search(r"TOP (\d+)", query)
        query = re.sub(r"TOP \d+", "", query).replace("mupolygongeo.STAsText() AS", "wkt AS")
        query = re.sub(r"mupolygongeo\.STIntersects\(.*?4326\)\) = 1", "1 = 1", query)
        cursor = self._database.execute(query + (f" limit {top[1]}" if top else ""))
        names = [column[0] for column in cursor.description]
        rows = [[None if v is None else str(v) for v in row] for row in cursor]
        return {"Table": [names, *rows]} if rows else {}


@pytest.fixture
def service(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(soil_data_access, "PAGE_ROWS", 15)
    return Service(portal)


def fetch(portal: Portal, folder: Path, *areas: str) -> Downloaded:
    settings = Settings(http_retries=2, http_timeout_s=1)
    files = survey_files(settings, areas or ("CA696", "CA676"), BOX, portal.url)
    return download("soils", files, folder, lambda done, total, what: None)


def test_a_survey_is_fetched_and_loads(
    portal: Portal, service: Service, duckdb_city: City, tmp_path: Path
) -> None:
    downloaded = fetch(portal, tmp_path / "soils")
    with duckdb_city.connect() as warehouse:
        warehouse.create_declared()
        loads = list(load_files(warehouse, "ssurgo", [downloaded.folder]))
        assert {load.table: load.rows_loaded for load in loads} == {
            "ssurgo_mapunits": 40,
            "ssurgo_components": 40,
            "ssurgo_horizons": 40,
        }
        units = warehouse.query(
            "select mukey, muname, geometry_wkt from raw.ssurgo_mapunits where mukey in ('1', '2') "
            "order by mukey"
        ).to_pylist()
        horizon = warehouse.query(
            "select * from raw.ssurgo_horizons where chkey = '201'"
        ).to_pylist()[0]
        component = warehouse.query(
            "select * from raw.ssurgo_components where cokey = '101'"
        ).to_pylist()[0]
    assert units[0]["muname"] == 'Loam | "deep" 1'
    assert units[0]["geometry_wkt"].startswith("POLYGON")  # three that touch are one
    assert units[1]["geometry_wkt"] is None
    assert (component["corsteel"], component["corcon"]) == ("High", "Moderate")
    assert float(horizon["ph1to1h2o_r"]) == 7.4
    assert float(horizon["lep_r"]) == 4.5


BAD_ANSWERS: dict[str, Fault] = {
    "too many requests": faults.status(429, Retry_After="0"),
    "fault of the server": faults.status(500),
    "cut": faults.cut,
    "web page": faults.html,
    "gzip": faults.zipped,
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_bad_answers_cost_no_row_and_double_none(
    portal: Portal, service: Service, tmp_path: Path, name: str
) -> None:
    whole = fetch(portal, tmp_path / "whole")
    portal.faults.extend([None, BAD_ANSWERS[name]] * 8)
    portal.faults.append(None)
    again = fetch(portal, tmp_path / "again")
    assert again.manifest.digests == whole.manifest.digests


def test_a_repeated_page_is_never_taken_twice(
    portal: Portal, service: Service, tmp_path: Path
) -> None:
    whole = fetch(portal, tmp_path / "whole")
    portal.faults.extend([None, faults.repeated] * 10)
    again = fetch(portal, tmp_path / "again")
    assert again.manifest.digests == whole.manifest.digests


def test_a_page_without_rows_too_early_is_a_sentence(
    portal: Portal, service: Service, tmp_path: Path
) -> None:
    def nothing(handler: faults.Handler, content: bytes) -> None:
        handler.send(b"{}" if b"cokey" in content else content)

    portal.faults.extend([nothing] * 60)
    with pytest.raises(UserError, match="gives 0 of 40 rows of component"):
        fetch(portal, tmp_path / "soils")
    assert not list((tmp_path / "soils").glob("[0-9]*"))


def test_one_empty_answer_costs_no_shape(portal: Portal, service: Service, tmp_path: Path) -> None:
    whole = fetch(portal, tmp_path / "whole")
    told: list[bytes] = []

    def nothing_once(handler: faults.Handler, content: bytes) -> None:
        is_first = b"POLYGON" in content and not told
        told.extend([content] if is_first else [])
        handler.send(b"{}" if is_first else content)

    portal.faults.extend([nothing_once] * 60)
    again = fetch(portal, tmp_path / "again")
    assert told
    assert again.manifest.digests == whole.manifest.digests


def test_an_unknown_area_is_a_sentence(portal: Portal, service: Service, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no survey of CA999"):
        fetch(portal, tmp_path, "CA696", "CA999")
    with pytest.raises(UserError, match="is no soil survey area"):
        fetch(portal, tmp_path, "CA696'); drop table legend --")
    with pytest.raises(UserError, match="is no box"):
        survey_files(Settings(), ["CA696"], [1, 2, 3], portal.url)
