"""`la-pipes loads`: a load made by mistake is taken back, and nothing else with it."""

from pathlib import Path

import pytest

from cities import City
from test_load import warehouse_rows, write

# The second column is the utility's number; the first is only a row of the map.
MAINS = "OBJECTID,ID,LEN,YEAR,MAT,AADT\n1,A,100,1950,CI,50\n2,B,-5,1960,CI,60\n3,C,80,1970,DI,\n"
BREAKS = "break_id,pipe_id,broke_on\n1,A,2020-03-01\n2,C,2021-03-01\n"
WRONG = """
pipes:
  columns: {pipe_id: OBJECTID, length_m: LEN, install_year: YEAR, material: MAT}
  attributes: {traffic: {from: AADT, type: number}}
"""
RIGHT = WRONG.replace("OBJECTID", "ID")


@pytest.fixture
def city(empty_city: City, tmp_path: Path) -> City:
    """A warehouse with breaks, then mains that were read with the wrong identifier."""
    breaks = write(tmp_path, "breaks.csv", BREAKS)
    assert empty_city.la_pipes("load", "breaks", breaks).exit_code == 0
    load_mains(empty_city, tmp_path, WRONG)
    return empty_city


def load_mains(city: City, folder: Path, mapping: str) -> None:
    mains = write(folder, "mains.csv", MAINS)
    city_file = write(folder, "city.yml", mapping)
    result = city.la_pipes("load", "pipes", mains, "--mapping", city_file, "--max-rejects", "50%")
    assert "3 rows in mains.csv = 2 loaded + 1 quarantined" in result.output, result.output


def load_of(city: City, table: str) -> str:
    return str(city.value(f"select load_id from raw.loads where table_name = '{table}'"))


def test_a_wrong_load_goes_with_all_that_came_with_it(city: City, tmp_path: Path) -> None:
    assert city.la_pipes("link").exit_code == 0
    result = city.la_pipes("loads", "withdraw", load_of(city, "pipes"))
    assert result.exit_code == 0, result.output
    assert "pipes: withdrew 2 rows and 1 quarantined ones of mains.csv" in result.output
    assert "pipe_attributes: withdrew 2 rows and 0 quarantined ones" in result.output
    left = {name: rows for name, rows in warehouse_rows(city).items() if rows}
    assert left == {"breaks": 2, "loads": 1, "withdrawn_loads": 2}
    assert city.la_pipes("quarantine", "list").output == "Nothing is set aside.\n"
    result = city.la_pipes("build")
    assert result.exit_code == 0, result.output
    assert city.value("select count(*) from core.dim_pipes") == 0

    load_mains(city, tmp_path, RIGHT)
    assert city.la_pipes("build", "--select", "+fct_breaks +dim_pipes").exit_code == 0
    mains = city.rows("select pipe_id from core.dim_pipes order by 1")
    assert [row["pipe_id"] for row in mains] == ["A", "C"]
    linked = city.rows("select pipe_id, link_status from core.fct_breaks order by break_id")
    assert [tuple(row.values()) for row in linked] == [("A", "recorded"), ("C", "recorded")]


def test_what_was_withdrawn_can_be_loaded_and_withdrawn_again(city: City, tmp_path: Path) -> None:
    before = warehouse_rows(city)
    load_id = load_of(city, "pipes")
    for _ in range(2):
        assert city.la_pipes("loads", "withdraw", load_id).exit_code == 0
        load_mains(city, tmp_path, WRONG)
        assert load_of(city, "pipes") == load_id
    assert warehouse_rows(city) == before | {"withdrawn_loads": 4}
    listed = city.la_pipes("loads", "list", "--all").output
    assert listed.count(load_id) == 3


def test_loads_are_listed_and_shown(city: City) -> None:
    load_id = load_of(city, "pipes")
    listed = city.la_pipes("loads", "list").output.splitlines()
    assert len(listed) == 4  # the header, breaks, mains and an attribute
    assert any(load_id in line and "mains.csv" in line for line in listed)
    shown = city.la_pipes("loads", "show", load_id).output
    for text in ("2 loaded + 1 quarantined", "OBJECTID", "1 set aside: length_m", " UTC as pipes"):
        assert text in shown
    city.la_pipes("loads", "withdraw", load_id)
    assert "withdrawn 20" in city.la_pipes("loads", "show", load_id).output


def test_what_cannot_be_withdrawn_gets_a_sentence(city: City) -> None:
    load_id = load_of(city, "pipes")
    city.la_pipes("loads", "withdraw", load_id)
    for name, sentence in ((load_id, "was withdrawn before"), ("abc", "No load 'abc'")):
        before = warehouse_rows(city)
        result = city.la_pipes("loads", "withdraw", name)
        assert result.exit_code == 2
        assert sentence in result.output
        assert warehouse_rows(city) == before


def test_nothing_is_loaded(duckdb_city: City) -> None:
    assert duckdb_city.la_pipes("loads", "list").output == "Nothing is loaded.\n"
