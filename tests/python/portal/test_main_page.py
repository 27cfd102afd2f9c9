"""The page of a main: factors that multiply, time line, neighbors."""

import math
import re
from collections.abc import Callable
from datetime import date

import pytest
from pyproj import Geod

from la_pipeline_failure_predict.portal.data import mains
from la_pipeline_failure_predict.portal.data.reader import Reader, Row
from la_pipeline_failure_predict.portal.views.charts import time_line
from portal.conftest import Portal
from portal.test_exports import change_snapshot


def test_the_typical_rate_times_the_factors_is_the_rate(reader: Reader) -> None:
    rates = reader.rows("select pipe_id, expected_breaks_per_km, length_m from pipe_risk")
    typical = math.exp(
        sum(math.log(row["expected_breaks_per_km"]) * row["length_m"] for row in rates)
        / sum(row["length_m"] for row in rates)
    )
    for row in rates[:5] + rates[-5:]:
        found = mains.find_main(reader, row["pipe_id"])
        assert found is not None
        assert found["rate"]["typical"] == pytest.approx(typical)
        product = typical * found["rate"]["others"]
        for reason in found["reasons"]:
            product *= reason["rate_factor"]
        assert product == pytest.approx(row["expected_breaks_per_km"])


def test_an_account_with_some_areas_reads_the_same_factors(
    reader_of: Callable[..., Reader], areas_of: dict[str, list[str]]
) -> None:
    area = sorted(areas_of)[0]
    (first, *_) = areas_of[area]
    whole = mains.find_main(reader_of(), first)
    scoped = mains.find_main(reader_of((area,)), first)
    assert whole is not None
    assert scoped is not None
    assert scoped["rate"] == whole["rate"]


def gap(one: Row, other: Row) -> float:
    """Least distance between ends and middles, on the ellipsoid."""
    places = [
        [(row[longitude], row[latitude]) for longitude, latitude in mains.PLACES]
        for row in (one, other)
    ]
    geod = Geod(ellps="WGS84")
    return min(geod.inv(*here, *there)[2] for here in places[0] for there in places[1])


def test_neighbors_are_those_that_are_near_or_of_the_street(
    reader: Reader, areas_of: dict[str, list[str]]
) -> None:
    pipes = reader.rows("select * from pipes where is_in_service and longitude is not null")
    by_id = {row["pipe_id"]: row for row in pipes}
    scores = {row["pipe_id"]: row for row in reader.rows("select * from pipe_risk")}
    main = by_id[areas_of[sorted(areas_of)[0]][0]]
    found = mains.find_main(reader, main["pipe_id"])
    assert found is not None
    neighbors = found["neighbors"]
    assert 3 < len(neighbors) <= mains.NEIGHBORS_SHOWN
    near = {
        row["pipe_id"]: gap(main, row)
        for row in pipes
        if abs(row["latitude"] - main["latitude"]) < 0.01 and row is not main
    }
    for row in neighbors:
        other = by_id[row["pipe_id"]]
        assert row["distance_m"] == pytest.approx(near[row["pipe_id"]], rel=0.01, abs=0.1)
        is_of_street = all(other[name] == main[name] for name in ("street_name", "area_id"))
        assert row["is_of_street"] == is_of_street
        assert is_of_street or row["distance_m"] <= 100
        assert row["risk_rank"] == scores.get(row["pipe_id"], {}).get("risk_rank")
    # None of the nearest is left out.
    shown = {row["pipe_id"] for row in neighbors}
    farthest = max(row["distance_m"] for row in neighbors)
    for pipe_id, meters in near.items():
        if meters < min(farthest, 100) * 0.99:
            assert pipe_id in shown, (pipe_id, meters)


def test_neighbors_of_foreign_areas_are_not_shown(
    reader_of: Callable[..., Reader], areas_of: dict[str, list[str]]
) -> None:
    for area in areas_of:
        scoped = reader_of((area,))
        for pipe_id in areas_of[area][:3]:
            found = mains.find_main(scoped, pipe_id)
            assert found is not None
            assert {row["pipe_id"] for row in found["neighbors"]} <= {
                row["pipe_id"] for row in scoped.rows("select pipe_id from pipes")
            }


def test_a_main_without_location_has_its_street_alone(
    portal: Portal, areas_of: dict[str, list[str]]
) -> None:
    first = areas_of[sorted(areas_of)[0]][0]
    nowhere = ", ".join(f"{name} = null" for names in mains.PLACES for name in names)
    change_snapshot(
        portal,
        f"update published.pipes set {nowhere} where pipe_id = '{first}'",
        f"delete from published.pipe_lines where pipe_id = '{first}'",
    )
    browser = portal.signed_in("planner")
    text = browser.get(f"/pipe/{first}").text
    assert "Its location is not known" in text
    neighbors = text[text.index("Its neighbors") :]
    assert neighbors.count("(the same)") == neighbors.count('<th scope="row">') > 0
    assert browser.get("/risk").status_code == 200


def test_breaks_stand_on_a_time_line(portal: Portal, reader: Reader) -> None:
    (most,) = reader.rows(
        "select pipe_id, list(broke_on order by broke_on) as days from pipe_breaks "
        "where pipe_id in (select pipe_id from pipe_risk) group by pipe_id "
        "order by count(*) desc, pipe_id limit 1"
    )
    assert len(most["days"]) > 1
    text = portal.signed_in("viewer").get(f"/pipe/{most['pipe_id']}").text
    drawn = re.findall(r'<circle cx="([\d.]+)".*?<title>([\d-]+)</title>', text)
    assert sorted(day for _, day in drawn) == [str(day) for day in most["days"]]
    places = [float(place) for place, _ in sorted(drawn, key=lambda dot: dot[1])]
    assert places == sorted(places)
    assert all(70 <= place <= 610 for place in places)
    assert f"{len(most['days'])} breaks: {most['days'][0]}" in text


def test_a_break_before_its_main_was_laid_stays_on_the_line() -> None:
    chart = time_line([date(1990, 5, 1)], 2015, date.min)
    assert "laid in 2015" in chart.says
    for place in (
        chart.left,
        *(dot.at for dot in chart.dots),
        *(tick.at for tick in chart.x_ticks),
    ):
        assert 70 <= place <= chart.right
    assert chart.left < chart.right
