"""`la-pipes load`: every row accounted for, once, and bad input answered with a sentence."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cities import DATA, ROOT, City, needs_real_data
from la_pipeline_failure_predict.model.grains import MAINS
from la_pipeline_failure_predict.model.promote import promoted_run, withdraw

PIPES = "pipe_id,material,diameter_mm,length_m,install_year\n"


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


def warehouse_rows(city: City) -> dict[str, int]:
    tables = city.rows(
        "select table_name from information_schema.tables where table_schema = 'raw' order by 1"
    )
    names = [row["table_name"] for row in tables]
    return {name: city.value(f"select count(*) from raw.{name}") for name in names}


def test_rows_in_file_are_loaded_or_quarantined(empty_city: City, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "mains.csv",
        PIPES + "1,CI,150,20.5,1926\n2,DI,wide,30,1980\n,CI,100,10,1950\n4,CI,100,,x\n",
    )
    result = empty_city.la_pipes("load", "pipes", file, "--max-rejects", "75%")
    assert result.exit_code == 0, result.output
    assert "4 rows in mains.csv = 1 loaded + 3 quarantined" in result.output
    refused = empty_city.rows(
        "select row_number, column_name, value, rule, reason, row_json from raw.quarantine "
        "order by row_number, column_name"
    )
    assert [(row["row_number"], row["column_name"], row["rule"]) for row in refused] == [
        (2, "diameter_mm", "type"),
        (3, "pipe_id", "required"),
        (4, "install_year", "type"),
        (4, "length_m", "required"),
    ]
    assert refused[0]["value"] == "wide"
    assert refused[0]["reason"].startswith("diameter_mm is not a number; name decimal")
    assert json.loads(refused[0]["row_json"])["material"] == "DI"
    kept = empty_city.rows("select pipe_id, length_m, _source_file, _row_number from raw.pipes")
    assert kept == [
        {"pipe_id": "1", "length_m": 20.5, "_source_file": "mains.csv", "_row_number": 1}
    ]


def test_loading_twice_changes_nothing(empty_city: City, tmp_path: Path) -> None:
    file = write(tmp_path, "mains.csv", PIPES + "1,CI,150,20.5,1926\n2,DI,wide,30,1980\n")
    empty_city.la_pipes("load", "pipes", file, "--max-rejects", "50%")
    before = warehouse_rows(empty_city)
    result = empty_city.la_pipes("load", "pipes", file)
    assert "loaded before" in result.output
    assert warehouse_rows(empty_city) == before


def test_a_warehouse_of_an_older_version_takes_loads(empty_city: City, tmp_path: Path) -> None:
    assert empty_city.la_pipes("init").exit_code == 0
    with empty_city.connect() as warehouse:
        warehouse.execute("alter table raw.loads drop column mapping_json")
    file = write(tmp_path, "mains.csv", PIPES + "1,CI,150,20.5,1926\n")
    result = empty_city.la_pipes("load", "pipes", file)
    assert result.exit_code == 0, result.output
    (load,) = empty_city.rows("select mapping_json, record_from, rows_in_file from raw.loads")
    assert load == {"mapping_json": "{}", "record_from": None, "rows_in_file": 1}


def test_mapping_converts_units_dates_and_codes(duckdb_city: City, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "mains.csv",
        "Id;Mat;Size;Feet;Laid;X;Y\n7;GG;6;100;31.12.1975;541741.1448;4812353.846\n",
    )
    mapping = write(
        tmp_path,
        "city.yml",
        """
pipes:
  delimiter: ";"
  crs: EPSG:26917
  columns:
    pipe_id: Id
    material: {from: Mat, codes: {GG: CI}}
    diameter_mm: {from: Size, unit: inch}
    length_m: {from: Feet, unit: ft}
    installed_on: {from: Laid, formats: ["%d.%m.%Y"]}
    start_longitude: X
    start_latitude: Y
    status: {constant: active}
""",
    )
    result = duckdb_city.la_pipes("load", "pipes", file, "--mapping", mapping)
    assert "1 loaded + 0 quarantined" in result.output
    (row,) = duckdb_city.rows(
        "select pipe_id, material, diameter_mm, length_m, cast(installed_on as text) as laid, "
        "start_longitude, start_latitude, status from raw.pipes"
    )
    assert row["material"] == "CI"
    assert row["diameter_mm"] == pytest.approx(152.4)
    assert row["length_m"] == pytest.approx(30.48)
    assert row["laid"] == "1975-12-31"
    # The same break in the older dialect of the Kitchener portal, in degrees.
    assert row["start_longitude"] == pytest.approx(-80.4840046, abs=1e-5)
    assert row["start_latitude"] == pytest.approx(43.4629392, abs=1e-5)
    assert row["status"] == "active"


def test_parquet_and_geojson_are_read(duckdb_city: City, tmp_path: Path) -> None:
    rows = pa.table({"pipe_id": ["1"], "length_m": [12.0], "material": ["CI"]})
    pq.write_table(rows, tmp_path / "mains.parquet")
    line = {"type": "LineString", "coordinates": [[-118.25, 34.05], [-118.25, 34.051]]}
    feature = {"type": "Feature", "geometry": line, "properties": {"pipe_id": "2"}}
    content = json.dumps({"type": "FeatureCollection", "features": [feature]})
    for file in (tmp_path / "mains.parquet", write(tmp_path, "mains.geojson", content)):
        result = duckdb_city.la_pipes("load", "pipes", file)
        assert "1 loaded" in result.output, result.output
    lengths = duckdb_city.rows("select pipe_id, length_m, start_latitude from raw.pipes order by 1")
    assert lengths[0]["length_m"] == 12.0
    assert lengths[1]["length_m"] == pytest.approx(110.9, abs=0.1)  # a thousandth of a degree
    assert lengths[1]["start_latitude"] == pytest.approx(34.05)


def test_other_encodings_are_read_or_named(duckdb_city: City, tmp_path: Path) -> None:
    file = write(tmp_path, "mains.csv", "pipe_id,length_m,street_name\n1,5,Cañon\n", "latin-1")
    result = duckdb_city.la_pipes("load", "pipes", file)
    assert result.exit_code == 2
    assert "encoding: latin-1" in result.output
    mapping = write(tmp_path, "city.yml", "pipes: {encoding: latin-1}")
    result = duckdb_city.la_pipes("load", "pipes", file, "--mapping", mapping)
    assert result.exit_code == 0, result.output
    assert duckdb_city.value("select street_name from raw.pipes") == "Cañon"


BAD_MAPPING = "pipes: {columns: {pipe_id: Nummer, length_m: length_m}}"


@pytest.mark.parametrize(
    ("arguments", "content", "says"),
    [
        (["pipes", "missing.csv"], None, "No file"),
        (["pipe", "mains.csv"], PIPES + "1,CI,1,1,1\n", "Unknown source 'pipe': choose one of"),
        (["pipes", "mains.csv"], "", "is empty: fetch it again"),
        (["pipes", "mains.csv"], PIPES, "has no rows"),
        (["pipes", "mains.csv"], "id,x\n1,2\n", "No header for the column pipe_id"),
        (["pipes", "mains.parquet"], "PAR1 cut off", "truncated"),
        (["pipes", "mains.geojson"], '{"type": "Feat', "cannot be read as a map layer"),
        (["ghcn-daily", "mains.dly"], "no station file", "not a GHCN-Daily station file"),
        (["ssurgo", "mains.zip"], "no zip", "neither a folder nor a readable zip"),
        (["ladwp-leaks", "mains.csv"], PIPES + "1,CI,1,1,1\n", "does not look like ladwp_leaks"),
    ],
)
def test_bad_files_get_a_sentence(
    duckdb_city: City, tmp_path: Path, arguments: list[str], content: str | None, says: str
) -> None:
    good = write(tmp_path, "good.csv", PIPES + "1,CI,150,20.5,1926\n")
    duckdb_city.la_pipes("load", "pipes", good)
    before = warehouse_rows(duckdb_city)
    source, name = arguments
    if content is not None:
        write(tmp_path, name, content)
    result = duckdb_city.la_pipes("load", source, tmp_path / name)
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output
    assert warehouse_rows(duckdb_city) == before


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        (BAD_MAPPING, "reads pipe_id from 'Nummer', but the file has pipe_id, material"),
        ("pipes: {columns: {pipeid: pipe_id}}", "names 'pipeid', which pipes does not have"),
        ("breaks: {}", "has no section 'pipes'"),
        ("pipes: {colums: {}}", "there is no key 'colums' (did you mean columns?)"),
        ("pipes: {columns: {length_m: {from: length_m, unit: kg}}}", "cannot become m"),
        ("pipes: {encoding: klingon, columns: {}}", "Unknown encoding 'klingon'"),
        ("pipes: [", "is not YAML"),
        (
            "pipes: {columns: {installed_on: {from: material, formats: [dd.mm.yyyy]}}}",
            "is not a date format",
        ),
        (
            'pipes: {columns: {installed_on: {from: material, formats: ["%d.%m.%Y"]}}}',
            "None of the 1 rows of",
        ),
    ],
)
def test_bad_mappings_get_a_sentence(
    duckdb_city: City, tmp_path: Path, mapping: str, says: str
) -> None:
    file = write(tmp_path, "mains.csv", PIPES + "1,CÎ,150,20.5,1926\n", "latin-1")
    path = write(tmp_path, "city.yml", mapping)
    if "encoding" not in mapping:
        file = write(tmp_path, "mains.csv", PIPES + "1,CI,150,20.5,1926\n")
    result = duckdb_city.la_pipes("load", "pipes", file, "--mapping", path)
    assert result.exit_code == 2
    assert says in result.output


@pytest.mark.skipif(os.name == "nt", reason="unpacks a folder name that Windows forbids")
@needs_real_data
@pytest.mark.parametrize(
    ("source", "file", "mapping", "rows", "refused"),
    [
        ("ladwp-leaks", "la/ladwp_main_leaks_2010_2013h1.csv", None, 4144, 0),
        ("ladwp-trunk-lines", "la/REDACTED_CPRA_TrunkLine.csv", None, 13561, 0),
        ("la-monthly-breaks", "la/la_monthly_main_breaks_2003_2015.csv", None, 150, 0),
        ("la-neighborhoods", "la/la-county-neighborhoods-v6.geojson", None, 318, 0),
        ("ghcn-daily", "climate/USW00093134.dly", None, 9149, 0),
        ("ssurgo", "soils/AZ649", None, 36 + 60 + 101, 0),
        ("ssurgo", "soils/gSSURGO_MH_FY26.zip", None, 9 + 34 + 58, 0),
        ("pipes", "vancouver/water_mains_sample.geojson", None, 3331, 0),
        ("pipes", "kitchener/water_mains_2022-01.csv", "kitchener", 15552, 1),
        ("breaks", "kitchener/water_main_breaks_2022-01.csv", "kitchener", 2670, 0),
        (
            "breaks",
            "kitchener/water_main_breaks_second_dialect_to_2021-11.csv",
            "kitchener",
            2622,
            0,
        ),
    ],
)
def test_real_files_load_whole(
    duckdb_city: City, source: str, file: str, mapping: str | None, rows: int, refused: int
) -> None:
    path = ROOT / "schemas" / "mappings" / f"{mapping}.yml"
    result = duckdb_city.la_pipes(
        "load", source, DATA / file, *(["--mapping", path] if mapping else [])
    )
    assert result.exit_code == 0, result.output
    (counts,) = duckdb_city.rows(
        "select cast(sum(rows_in_file) as bigint) as given, "
        "cast(sum(rows_loaded) as bigint) as kept, "
        "cast(sum(rows_quarantined) as bigint) as refused from raw.loads"
    )
    assert counts == {"given": rows, "kept": rows - refused, "refused": refused}


@needs_real_data
def test_both_kitchener_dialects_say_the_same(duckdb_city: City) -> None:
    mapping = ROOT / "schemas" / "mappings" / "kitchener.yml"
    for name in (
        "water_main_breaks_2022-01.csv",
        "water_main_breaks_second_dialect_to_2021-11.csv",
    ):
        path = DATA / "kitchener" / name
        duckdb_city.la_pipes("load", "breaks", path, "--mapping", mapping)
    (shared,) = duckdb_city.rows("""
        select
            count(*) as pairs,
            count(case when old.broke_on = new.broke_on then 1 end) as same_day,
            count(case when abs(old.longitude - new.longitude) < 0.00002
                and abs(old.latitude - new.latitude) < 0.00002 then 1 end) as same_place
        from raw.breaks as old
        inner join raw.breaks as new on old.break_id = new.break_id
        where old._source_file like '%2022-01%' and new._source_file like '%second%'
    """)
    assert shared["pairs"] > 2500
    assert shared["same_day"] > 0.97 * shared["pairs"]
    assert shared["same_place"] > 0.97 * shared["pairs"]


def test_what_comes_last_wins_whatever_the_clock_says(empty_city: City, tmp_path: Path) -> None:
    """A delivery and a promotion by a computer whose clock is a year ahead do not stay for ever."""
    for name, length in (("first.csv", 10), ("second.csv", 20)):
        (tmp_path / name).write_text(f"pipe_id,length_m\nM1,{length}\n")
    assert empty_city.la_pipes("load", "pipes", tmp_path / "first.csv").exit_code == 0
    ahead = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=365)
    with empty_city.connect() as warehouse:
        for table, column in (("loads", "loaded_at"), ("pipes", "_loaded_at")):
            warehouse.execute(f"update raw.{table} set {column} = $1", (ahead,))
        warehouse.execute(
            "insert into ml.promotions (grain, run_id, promoted_at, promoted_by) "
            "values ('pipe', 'old', $1, 'ann')",
            (ahead,),
        )
    second = empty_city.la_pipes("load", "pipes", tmp_path / "second.csv")
    assert "which is after this computer's" in second.output
    newest = "select length_m from raw.pipes order by _loaded_at desc limit 1"
    assert empty_city.value(newest) == 20
    with empty_city.connect() as warehouse:
        withdraw(warehouse, MAINS)
        assert promoted_run(warehouse, MAINS) is None
