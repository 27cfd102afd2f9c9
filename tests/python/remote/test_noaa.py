"""Weather of NOAA's stations."""

import csv
from pathlib import Path

import pytest

from cities import ROOT, City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.remote.catalog import Origin, remote_files
from la_pipeline_failure_predict.sources.remote.download import Downloaded, download
from remote import portal as faults
from remote.portal import Parameters, Portal

STATION = "USW00093134"
DAILY = f"{STATION}190604TMAX" + "  161  6" * 31 + "\n"
MONTHS = ["1906-04", "1999-12", "2020-01"]


@pytest.fixture
def weather(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> Portal:
    """NOAA's server, with one station."""
    monkeypatch.setenv("NO_PROXY", "*")
    portal.answers[f"/pub/data/ghcn/daily/all/{STATION}.dly"] = lambda parameters: DAILY.encode()
    portal.answers["/access/services/data/v1"] = summaries
    portal.headers = {"Last-Modified": "Fri, 02 May 2025 15:11:42 GMT"}
    return portal


def summaries(parameters: Parameters) -> list[dict[str, str]]:
    assert parameters["units"] == "metric"
    start, end = parameters["startDate"][:7], parameters["endDate"][:7]
    return [
        {"DATE": month, "STATION": STATION, "TMAX": "      20.5", "PRCP": "      76.2"}
        for month in MONTHS
        if start <= month <= end and parameters["stations"] == STATION
    ]


def fetch(portal: Portal, folder: Path, **origin: str) -> Downloaded:
    settings = Settings(http_retries=2, http_timeout_s=1)
    files = remote_files(Origin(server=portal.url, **origin), settings)
    return download("weather", files, folder, lambda done, total, what: None)


def test_daily_record_of_a_station(weather: Portal, tmp_path: Path) -> None:
    downloaded = fetch(weather, tmp_path, ghcn=STATION.lower())
    assert downloaded.paths[0].name == f"{STATION}.dly"
    assert downloaded.paths[0].read_text() == DAILY


def test_summaries_are_plain_numbers_in_the_order_of_time(weather: Portal, tmp_path: Path) -> None:
    weather.faults.extend([None, faults.html, faults.cut])
    with fetch(weather, tmp_path, ncei=STATION).paths[0].open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [row["DATE"] for row in rows] == MONTHS
    assert {(row["TMAX"], row["PRCP"], row["TMIN"]) for row in rows} == {("20.5", "76.2", "")}


def test_summaries_load_with_the_mapping_that_ships(
    weather: Portal, duckdb_city: City, tmp_path: Path
) -> None:
    (path,) = fetch(weather, tmp_path, ncei=STATION).paths
    mapping = ROOT / "schemas" / "mappings" / "ncei_months.yml"
    result = duckdb_city.la_pipes("load", "climate", path, "--mapping", mapping)
    assert "3 loaded + 0 quarantined" in result.output
    (first, *_) = duckdb_city.rows(
        "select station_id, cast(month_on as text) as month_on, temperature_max_c, rainfall_mm "
        "from raw.climate order by month_on"
    )
    assert list(first.values()) == [STATION, "1906-04-01", 20.5, 76.2]


def test_a_repeated_answer_of_summaries_is_asked_again(weather: Portal, tmp_path: Path) -> None:
    weather.faults.extend([None] * 3 + [faults.repeated])
    with fetch(weather, tmp_path, ncei=STATION).paths[0].open(newline="") as text:
        assert [row["DATE"] for row in csv.DictReader(text)] == MONTHS


def test_a_station_without_weather_is_a_sentence(weather: Portal, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has nothing: check the station"):
        fetch(weather, tmp_path, ncei="USW00000001")
    with pytest.raises(UserError, match="404"):
        fetch(weather, tmp_path, ghcn="USW00000001")
    with pytest.raises(UserError, match="is no station"):
        fetch(weather, tmp_path, ghcn="../../etc")
