"""Deliveries over time: what a newer full one lacks has left, and what it edits is as it says."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cities import ENGINES, City
from test_load import write
from test_parity import assert_same_marts
from test_pipeline import dbt

MAPPING = """
pipes:
  columns: {pipe_id: ID, length_m: LEN, install_year: YEAR, material: MAT}
breaks:
  columns: {break_id: "No", pipe_id: ID, broke_on: Date}
"""
HEADER = "ID,LEN,YEAR,MAT\n"
MAINS_2022 = f"{HEADER}A,100,1950,CI\nB,100,1960,CI\nC,100,1970,CI\nD,100,1950,CI\n"
MAINS_2024 = f"{HEADER}A,100,2020,PVC\nB2,100,2023,PVC\nC,90,1970,CI\nD,x,1950,CI\n"
BREAKS_2022 = "No,ID,Date\n1,A,2021-05-01\n2,B,2021-06-01\n3,A,2019-07-01\n"
BREAKS_2024 = "No,ID,Date\n1,A,2021-05-01\n2,C,2021-06-01\n4,A,2019-07-01\n"
TEST = "assert_full_deliveries_retire_what_they_lack"
MODELS = ("+dim_pipes", "+fct_breaks", "int_breaks__excluded", TEST)


Load = Callable[..., str]


@pytest.fixture
def load(empty_city: City, tmp_path: Path) -> Load:
    """Load text as a file; returns what was printed."""
    mapping = write(tmp_path, "city.yml", MAPPING)

    def load_text(source: str, name: str, text: str, *options: object) -> str:
        file = write(tmp_path, name, text)
        command = ("load", source, file, "--mapping", mapping, "--max-rejects", "50%")
        result = empty_city.la_pipes(*command, *options)
        assert result.exit_code == 0, result.output
        return result.output

    return load_text


def rows(city: City, sql: str) -> list[tuple]:
    return [tuple(row.values()) for row in city.rows(sql)]


def test_what_a_newer_full_delivery_lacks_has_left(
    empty_city: City, load: Load, tmp_path: Path
) -> None:
    """Several histories in one warehouse, each in a part of its own.

    In the first, A was relaid in 2020 and broke before and after; B left; D cannot be read in 2024,
    but is there. In the second, the older inventory is loaded last. In the third, the identifier
    was read from the wrong header first. The two others are parts of one inventory.
    """
    load("pipes", "mains_2022.csv", MAINS_2022)
    load("breaks", "breaks_2022.csv", BREAKS_2022)
    told = load("pipes", "mains_2024.csv", MAINS_2024)
    assert "1 main left, 1 came, 3 stayed (full inventory as of 20" in told
    told = load("breaks", "breaks_2024.csv", BREAKS_2024)
    assert "1 came, 1 break moved to another main (partial record as of 20" in told
    assert "it has 2 of the breaks that were there before and lacks 1, which stay" in told
    told = load("breaks", "breaks_2024.csv", BREAKS_2024, "--extent", "full")
    assert "loaded before\n  1 came, 1 break moved to another main, 1 withdrawn (full" in told

    second = ("--part", "second", "--delivered-on")
    load("pipes", "new.csv", f"{HEADER}E,10,1950,CI\n", *second, "2024-01-31")
    told = load("pipes", "old.csv", f"{HEADER}E,20,1950,CI\nF,20,1950,CI\n", *second, "2022-01-31")
    assert "a delivery of 2024-01-31 is newer" in told

    text = "OBJECTID,ID,LEN,YEAR,MAT\n1,G,100,1950,CI\n2,H,100,1960,CI\n"
    wrong = write(tmp_path, "wrong.yml", MAPPING.replace("pipe_id: ID, l", "pipe_id: OBJECTID, l"))
    file = write(tmp_path, "read_twice.csv", text)
    read_wrongly = ("load", "pipes", file, "--mapping", wrong, "--part", "third")
    assert empty_city.la_pipes(*read_wrongly).exit_code == 0
    assert "replaces the reading of 20" in load("pipes", "read_twice.csv", text)
    assert "read again since with another" in empty_city.la_pipes(*read_wrongly).output

    for part, names in {"trunk": "IJ", "distribution": "KL"}.items():
        text = HEADER + "".join(f"{name},100,1950,CI\n" for name in names)
        load("pipes", f"{part}.csv", text, "--part", part)
    told = load("pipes", "trunk_2.csv", f"{HEADER}I,100,1950,CI\n", "--part", "trunk")
    assert "1 main left, 0 came, 1 stayed" in told

    build = dbt(empty_city, "build", "--select", *MODELS, "--exclude", "resource_type:unit_test")
    assert build.returncode == 0, build.stdout[-3000:]
    in_service = rows(
        empty_city,
        "select pipe_id, material_code, length_m from core.dim_pipes where is_in_service "
        "order by 1",
    )
    assert in_service == [
        ("A", "PVC", 100),
        ("B2", "PVC", 100),
        ("C", "CI", 90),
        ("D", "CI", 100),
        ("E", "CI", 10),
        ("G", "CI", 100),
        ("H", "CI", 100),
        ("I", "CI", 100),
        ("K", "CI", 100),
        ("L", "CI", 100),
    ]
    left = rows(
        empty_city,
        "select pipe_id, recorded_pipe_id, cast(decommissioned_on as text) from core.dim_pipes "
        "where not is_in_service order by 1",
    )
    today = str(empty_city.value("select cast(max(loaded_at) as date) from raw.loads"))
    assert left == [
        ("A~1", "A", "2020-01-01"),
        ("B", "B", today),
        ("F", "F", "2024-01-31"),
        ("J", "J", today),
    ]
    linked = rows(empty_city, "select break_id, pipe_id from core.fct_breaks order by 1")
    assert linked == [("1", "A"), ("2", "C"), ("4", "A~1")]
    reasons = "select break_id, exclusion_reason from intermediate.int_breaks__excluded order by 1"
    assert rows(empty_city, reasons) == [
        ("1", "superseded_by_later_delivery"),
        ("2", "superseded_by_later_delivery"),
        ("3", "withdrawn"),
    ]


def test_breaks_by_year_add_to_each_other(load: Load) -> None:
    load("breaks", "2021.csv", "No,ID,Date\n1,A,2021-05-01\n2,A,2021-06-01\n")
    told = load("breaks", "2022.csv", "No,ID,Date\n3,A,2022-05-01\n")
    assert "1 came, 0 breaks moved to another main (partial record as of 20" in told
    assert "warning" not in told


def test_an_inventory_of_other_mains_is_suspect(empty_city: City, load: Load) -> None:
    load("pipes", "north.csv", f"{HEADER}A,100,1950,CI\nB,100,1950,CI\n")
    told = load("pipes", "south.csv", f"{HEADER}C,100,1950,CI\nD,100,1950,CI\n")
    assert "warning: it lacks 2 of the 2 mains that were there before" in told
    load_id = empty_city.value("select load_id from raw.loads where source_file = 'south.csv'")
    assert f"la-pipes loads withdraw {load_id}" in told


@pytest.mark.parametrize(
    ("source", "options", "sentence"),
    [
        ("climate", ["--extent", "full"], "Only pipes and breaks are full or partial"),
        ("areas", ["--delivered-on", "2024-01-31"], "Only pipes and breaks are full or partial"),
        ("pipes", ["--delivered-on", "2999-01-31"], "is in the future"),
    ],
)
def test_terms_that_cannot_be_get_a_sentence(
    duckdb_city: City, tmp_path: Path, source: str, options: list[str], sentence: str
) -> None:
    result = duckdb_city.la_pipes("load", source, write(tmp_path, "x.csv", MAINS_2022), *options)
    assert result.exit_code == 2
    assert sentence in result.output


@dataclass
class TwoVintages:
    """A city that delivered in January 2022 and in January 2024, and what changed between."""

    delivery: Path
    left: set[str] = field(default_factory=set)
    came: set[str] = field(default_factory=set)
    relaid: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)


def write_two_vintages(folder: Path) -> TwoVintages:
    """Write four files and the delivery file that names them with their days."""
    city, draw = TwoVintages(folder / "delivery.yml"), random.Random(11)
    network = {f"M{number:03}": _main(number, draw) for number in range(400)}
    record = {}
    for year in range(2005, 2022):
        _break_mains(network, record, year, draw)
    _write_vintage(folder, "2022", network, record)

    names = sorted(network)
    city.left, city.relaid = set(names[:20]), set(names[20:30])
    city.came = {f"N{number:03}" for number in range(30)}
    network = {name: main for name, main in network.items() if name not in city.left}
    network |= {
        name: main | {"MAT": "PVC", "YEAR": 2023}
        for name, main in network.items()
        if name in city.relaid
    }
    network |= {
        name: _main(400 + position, draw) | {"YEAR": 2022}
        for position, name in enumerate(sorted(city.came))
    }
    city.withdrawn, city.moved = set(sorted(record)[:3]), set(sorted(record)[3:7])
    record = {number: row for number, row in record.items() if number not in city.withdrawn}
    for number in city.moved:
        record[number] |= {"ID": "M399" if record[number]["ID"] != "M399" else "M398"}
    for year in (2022, 2023):
        _break_mains(network, record, year, draw)
    _write_vintage(folder, "2024", network, record)
    (folder / "city.yml").write_text(
        MAPPING.replace(
            "broke_on: Date}",
            """broke_on: Date}
  extent: full
  record: {from: 2005-01-01}""",
        )
    )
    city.delivery.write_text(
        "deliveries:\n"
        + "".join(
            f"  - {{source: {source}, file: {file}_{year}.csv, mapping: city.yml, "
            f"delivered_on: {year}-01-31}}\n"
            for year in ("2022", "2024")
            for source, file in (("pipes", "mains"), ("breaks", "breaks"))
        )
    )
    return city


def _main(number: int, draw: random.Random) -> dict[str, object]:
    year = draw.randrange(1930, 2005)
    x, y = -118.3 + 0.002 * (number % 25), 34.0 + 0.002 * (number // 25)
    material = "CI" if year < 1960 else "AC" if year < 1975 else "DI"
    return {
        "LEN": draw.randrange(60, 180),
        "YEAR": year,
        "MAT": material,
        "start_longitude": x,
        "start_latitude": y,
        "end_longitude": x + 0.001,
        "end_latitude": y,
    }


def _break_mains(network: dict, record: dict, year: int, draw: random.Random) -> None:
    for name, main in network.items():
        if main["YEAR"] < year and draw.random() < {"CI": 0.2, "AC": 0.1}.get(main["MAT"], 0.03):
            day = f"{year}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"
            record[f"{len(record) + 100:05}x{year}"] = {"ID": name, "Date": day}


def _write_vintage(folder: Path, year: str, network: dict, record: dict) -> None:
    for file, key, rows in (("mains", "ID", network), ("breaks", "No", record)):
        columns = list(next(iter(rows.values())))
        lines = [",".join([key, *columns])]
        lines += [",".join([name, *(str(row[c]) for c in columns)]) for name, row in rows.items()]
        (folder / f"{file}_{year}.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def vintages(tmp_path_factory: pytest.TempPathFactory) -> TwoVintages:
    return write_two_vintages(tmp_path_factory.mktemp("two-vintages"))


@pytest.fixture(scope="module")
def vintage_cities(make_city: Callable[[str], City], vintages: TwoVintages) -> dict[str, City]:
    """The city with two vintages, run on each engine."""
    cities = {engine: make_city(engine) for engine in ENGINES}
    for city in cities.values():
        city.run_all(vintages.delivery)
    return cities


@pytest.mark.parametrize("engine", ENGINES)
def test_two_vintages_are_told_and_counted(
    vintage_cities: dict[str, City], vintages: TwoVintages, engine: str
) -> None:
    city = vintage_cities[engine]
    told = "".join(city.printed)
    assert "20 mains left, 30 came, 380 stayed (full inventory as of 2024-01-31)" in told
    assert "4 breaks moved to another main, 3 withdrawn (full record as of 2024-01-31)" in told
    assert "  warning:" not in told
    found = city.rows("select pipe_id, is_in_service from core.dim_pipes")
    former = {f"{name}~1" for name in vintages.relaid}
    assert {row["pipe_id"] for row in found if not row["is_in_service"]} == vintages.left | former
    assert len(found) == 400 + 30 + 10
    excluded = city.rows(
        "select break_id from intermediate.int_breaks__excluded where exclusion_reason='withdrawn'"
    )
    assert {row["break_id"] for row in excluded} == vintages.withdrawn
    check = city.la_pipes("check")
    assert check.exit_code == 0, check.output


@pytest.mark.parametrize("engine", ENGINES)
def test_an_old_origin_sees_the_mains_of_its_time(
    vintage_cities: dict[str, City], vintages: TwoVintages, engine: str
) -> None:
    city = vintage_cities[engine]

    def seen(day: str) -> dict[str, int]:
        rows = city.rows(
            "select pipe_id, breaks_ever from features.fct_pipe_features "
            f"where as_of_date = date '{day}'"
        )
        return {row["pipe_id"]: row["breaks_ever"] for row in rows}

    former = {f"{name}~1" for name in vintages.relaid}
    then, now = seen("2019-01-01"), seen("2024-01-01")
    assert vintages.left | former <= then.keys()
    assert not (vintages.relaid | vintages.came) & then.keys()
    assert vintages.relaid | vintages.came <= now.keys()
    assert not former & now.keys()
    # The breaks of the main before stay with it.
    assert sum(then[name] for name in former) > 0
    laid = city.value(
        "select count(*) from core.fct_breaks as breaks inner join core.dim_pipes as pipes "
        "on breaks.pipe_id = pipes.pipe_id where breaks.broke_on < pipes.installed_on "
        "or breaks.broke_on > pipes.decommissioned_on"
    )
    assert laid == 0
    ranked = {row["pipe_id"] for row in city.rows("select pipe_id from risk.fct_pipe_risk")}
    assert ranked
    assert not ranked & (vintages.left | former)


def test_two_vintages_are_the_same_on_both_engines(vintage_cities: dict[str, City]) -> None:
    assert_same_marts(vintage_cities, {"core.dim_pipes", "core.fct_breaks", "risk.fct_pipe_risk"})
