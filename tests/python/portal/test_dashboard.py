"""The dashboard: risk by class and material, months, areas, freshness and the alarm."""

import re
from collections.abc import Callable

import pytest

from la_pipeline_failure_predict.portal.data import figures
from la_pipeline_failure_predict.portal.data.reader import Reader
from portal.conftest import Portal
from portal.test_exports import change_snapshot


def test_classes_materials_and_areas_add_up_to_the_ranking(reader: Reader) -> None:
    shown = figures.dashboard(reader)
    (whole,) = reader.rows("select count(*) as mains, sum(risk_usd) as risk_usd from pipe_risk")
    for group in ("classes", "materials", "areas"):
        assert sum(row["mains"] for row in shown[group]) == whole["mains"], group
        assert sum(row["risk_usd"] for row in shown[group]) == pytest.approx(whole["risk_usd"])


def test_months_are_those_of_the_account(
    reader_of: Callable[..., Reader], areas_of: dict[str, list[str]]
) -> None:
    whole = figures.dashboard(reader_of())["months"]
    assert len(whole) == figures.MONTHS_SHOWN
    assert [row["month_on"] for row in whole] == sorted(row["month_on"] for row in whole)
    areas = [*sorted(areas_of), "unknown"]
    parts = [figures.dashboard(reader_of((area,)))["months"] for area in areas]
    (until,) = reader_of().rows("select max(date_on) as date_on from dates where is_complete_month")
    assert whole[-1]["month_on"] == until["date_on"].replace(day=1)
    last_year = figures.judged(whole)
    assert last_year is not None
    breaks = sum(
        row["breaks"] or 0
        for part in parts
        for row in part
        if row["month_on"].year == last_year["year"]
    )
    # A break outside every main is in no area's main, so the areas may have a few more.
    assert last_year["breaks"] <= breaks
    assert last_year["breaks"] > 0


def test_the_year_so_far_counts_months_that_have_both(reader: Reader) -> None:
    months = [
        {"month_on": row["month_on"], "breaks": 1, "expected_breaks": expected}
        for row, expected in zip(
            reader.rows("select distinct month_on from dates order by 1 limit 14"),
            [None, *[2.0] * 13],
            strict=True,
        )
    ]
    last = months[-1]["month_on"]
    found = figures.judged(months)
    assert found is not None
    assert (found["year"], found["until_month"]) == (last.year, last)
    assert found["breaks"] == last.month
    assert found["expected_breaks"] == 2.0 * last.month
    assert figures.judged(months[:1]) is None


def test_the_series_is_drawn_and_told_in_a_table(portal: Portal) -> None:
    text = portal.signed_in("viewer").get("/").text
    series = text[text.index("Breaks by month</h2>") : text.index("Mains by class")]
    assert len(re.findall(r"<rect x=.*?height=", series)) >= figures.MONTHS_SHOWN
    assert series.count('<th scope="row">') == figures.MONTHS_SHOWN
    assert re.search(r'role="img" aria-label="Breaks by month from \w+ \d{4} to \w+ \d{4}', series)
    assert "published " in text
    assert "out of its band" not in text


@pytest.mark.parametrize(
    ("is_beyond_chance", "says"), [(True, "More than chance"), (False, "Chance alone may")]
)
def test_an_alarm_says_when_the_band_is_left(
    portal: Portal, is_beyond_chance: bool, says: str
) -> None:
    change_snapshot(
        portal,
        "update published.model_performance set is_within_band = false, "
        f"is_beyond_chance = {is_beyond_chance}, observed_over_expected = 1.7",
    )
    text = portal.signed_in("viewer").get("/").text
    assert "out of its band: 1.70" in text
    assert says in text
