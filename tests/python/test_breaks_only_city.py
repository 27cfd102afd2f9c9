"""A city that has breaks as points and districts as polygons, and no inventory of mains."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from cities import ENGINES, City
from test_parity import assert_same_marts

DISTRICTS = 9
OUTSIDE = 3


def write_city(folder: Path) -> Path:
    """Write twelve years of breaks and nine districts; returns the delivery file."""
    draw, rows = random.Random(3), ["Case,Reported,Lon,Lat,Kind"]
    for year in range(2012, 2024):
        for district in range(DISTRICTS):
            for _ in range(draw.randrange(4, 10 + 2 * district)):
                x, y = district % 3 + draw.uniform(0.05, 0.95), district // 3 + draw.random()
                day = f"{draw.randrange(1, 13)}/{draw.randrange(1, 29)}/{year}"
                rows.append(f"W{len(rows)},{day},{-83 + x / 50:.6f},{40 + y / 50:.6f},crack")
    rows += [f"W{len(rows) + number},6/1/2020,-82.5,40.01," for number in range(OUTSIDE)]
    (folder / "breaks.csv").write_text("\n".join(rows) + "\n")
    districts = [
        {
            "type": "Feature",
            "properties": {"District": f"D{number}", "Name": f"District {number}"},
            "geometry": {"type": "Polygon", "coordinates": [_square(number)]},
        }
        for number in range(DISTRICTS)
    ]
    (folder / "districts.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": districts})
    )
    (folder / "city.yml").write_text(
        """
areas:
  columns: {area_id: District, area_name: Name}
breaks:
  columns:
    break_id: Case
    broke_on: {from: Reported, formats: ["%m/%d/%Y"]}
    longitude: Lon
    latitude: Lat
    failure_mode: Kind
  record: {from: 2012-01-01, until: 2023-12-31}
"""
    )
    delivery = folder / "delivery.yml"
    delivery.write_text(
        "deliveries:\n"
        "  - {source: areas, file: districts.geojson, mapping: city.yml}\n"
        "  - {source: breaks, file: breaks.csv, mapping: city.yml}\n"
    )
    return delivery


def _square(number: int) -> list[list[float]]:
    west, south = -83 + (number % 3) / 50, 40 + (number // 3) / 50
    east, north = west + 0.02, south + 0.02
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


@pytest.fixture(scope="module")
def cities(
    make_city: Callable[[str], City], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, City]:
    """The city, run on each engine."""
    delivery = write_city(tmp_path_factory.mktemp("breaks-only"))
    cities = {engine: make_city(engine) for engine in ENGINES}
    for city in cities.values():
        city.run_all(delivery)
    return cities


@pytest.mark.parametrize("engine", ENGINES)
def test_districts_are_ranked_by_their_breaks(cities: dict[str, City], engine: str) -> None:
    city = cities[engine]
    delivered = city.value("select count(*) from raw.breaks")
    assert city.value("select count(*) from core.fct_breaks") == delivered
    placed = city.value("select sum(break_count) from core.fct_area_months")
    assert placed == delivered - OUTSIDE
    scored = city.rows("select distinct area_id from risk.fct_area_month_risk order by 1")
    assert [row["area_id"] for row in scored] == [f"D{number}" for number in range(DISTRICTS)]
    assert city.value("select count(*) from risk.fct_pipe_risk") == 0
    check = city.la_pipes("check")
    assert check.exit_code == 0, check.output


def test_districts_are_the_same_on_both_engines(cities: dict[str, City]) -> None:
    assert_same_marts(cities, {"core.fct_breaks", "core.fct_area_months"})
