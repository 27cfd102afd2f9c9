"""A city that keeps its mains in a geodatabase and its repairs in an Excel workbook."""

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import shapely

from cities import ENGINES, City
from test_formats import layer
from test_parity import assert_same_marts
from workbook_files import write_workbook

SIDE = 20
"""Mains along each street; there are as many streets in each direction."""
BLOCK_M = 100.0
EAST, NORTH = 541_000.0, 4_812_000.0
FIRST_DAY, LAST_DAY = dt.date(2010, 1, 1), dt.date(2023, 12, 31)
REPAIRS = 360
MAPPING = """
pipes:
  layer: wMain
  columns:
    pipe_id: OBJECTID
    material: MATERIAL
    diameter_mm: {from: DIAM_IN, unit: inch}
    installed_on: {from: INSTALLED, formats: [epoch_ms]}
breaks:
  crs: EPSG:26917
  sheet: Repairs
  columns:
    break_id: Work order
    pipe_id: Main
    broke_on: Date of repair
    geometry: Place
  record: {from: 2010-01-01, until: 2023-12-31}
"""


def write_city(folder: Path) -> Path:
    """Write a grid of streets and fourteen years of repairs; returns the delivery file."""
    draw = random.Random(11)
    mains = _streets()
    years = [draw.choice([1925, 1950, 1965, 1985, 2005]) for _ in mains]
    laid = [dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp() * 1000 for year in years]
    columns = {
        "MATERIAL": ["CI" if year < 1970 else "PVC" for year in years],
        "DIAM_IN": [draw.choice([4.0, 6.0, 8.0]) for _ in mains],
        "INSTALLED": laid,
    }
    network = folder / "network.gdb"
    options = {"crs": "EPSG:26917", "driver": "OpenFileGDB"}
    hydrants = [shapely.Point(main.coords[0]) for main in mains[::10]]
    layer(
        network, {"TAG": [f"H{n}" for n in range(len(hydrants))]}, hydrants, "wHydrant", **options
    )
    layer(network, columns, mains, "wMain", **options)
    repairs = [_repair(draw, number, mains, years) for number in range(REPAIRS)]
    sheet = [
        ["Water main repairs"],
        [],
        ["Work order", "Date\nof repair", "Main", "Place"],
        *repairs,
        ["Total", None, REPAIRS],
    ]
    write_workbook(folder / "repairs.xlsx", {"Legend": [["Main", "OBJECTID"]], "Repairs": sheet})
    (folder / "city.yml").write_text(MAPPING)
    delivery = folder / "delivery.yml"
    delivery.write_text(
        "deliveries:\n"
        "  - {source: pipes, file: network.gdb, mapping: city.yml}\n"
        "  - {source: breaks, file: repairs.xlsx, mapping: city.yml}\n"
    )
    return delivery


def _streets() -> list[shapely.LineString]:
    mains = []
    for street in range(SIDE):
        for block in range(SIDE):
            x, y = EAST + block * BLOCK_M, NORTH + street * BLOCK_M
            mains.append(shapely.LineString([(x, y), (x + BLOCK_M, y)]))
            x, y = EAST + street * BLOCK_M, NORTH + block * BLOCK_M
            mains.append(shapely.LineString([(x, y), (x, y + BLOCK_M)]))
    return mains


def _repair(
    draw: random.Random, number: int, mains: list[shapely.LineString], years: list[int]
) -> list[object]:
    """Return a row of the workbook: an even one names its main, an odd one has its place."""
    weights = [2030 - year for year in years]
    main = draw.choices(range(len(mains)), weights)[0]
    day = FIRST_DAY + dt.timedelta(days=draw.randrange((LAST_DAY - FIRST_DAY).days))
    place = mains[main].interpolate(draw.uniform(0.3, 0.7), normalized=True)
    named = number % 2 == 0
    return [
        20_000 + number,
        day,
        main + 1 if named else None,
        None if named else f"POINT ({place.x:.2f} {place.y + 0.5:.2f})",
    ]


@pytest.fixture(scope="module")
def cities(
    make_city: Callable[[str], City], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, City]:
    """The city, run on each engine."""
    delivery = write_city(tmp_path_factory.mktemp("excel-and-geodatabase"))
    cities = {engine: make_city(engine) for engine in ENGINES}
    for city in cities.values():
        city.run_all(delivery)
    return cities


@pytest.mark.parametrize("engine", ENGINES)
def test_repairs_of_a_workbook_find_the_mains_of_a_geodatabase(
    cities: dict[str, City], engine: str
) -> None:
    """Those that name one by its OBJECTID, and those that only have a place."""
    city = cities[engine]
    mains = 2 * SIDE * SIDE
    assert city.value("select count(*) from core.dim_pipes where is_in_service") == mains
    length = city.value("select sum(length_m) from raw.pipes")
    assert length == pytest.approx(mains * BLOCK_M, rel=0.001)
    assert city.value("select count(*) from core.fct_breaks") == REPAIRS
    linked = city.value("select count(*) from core.fct_breaks where pipe_id is not null")
    predate = city.value(
        "select count(*) from core.fct_breaks where link_status = 'predates_install'"
    )
    assert linked + predate == REPAIRS
    total = city.rows("select distinct row_number from raw.quarantine")
    assert total == [{"row_number": REPAIRS + 1}]
    assert city.value("select count(*) from risk.fct_pipe_risk") == mains
    check = city.la_pipes("check")
    assert check.exit_code == 0, check.output


def test_the_city_is_the_same_on_both_engines(cities: dict[str, City]) -> None:
    assert_same_marts(cities, {"core.dim_pipes", "core.fct_breaks"})
