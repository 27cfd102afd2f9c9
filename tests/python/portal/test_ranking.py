"""The ranking: its filters, and the matrix of likelihood and consequence."""

import re

import pytest

from la_pipeline_failure_predict.portal.data import mains
from la_pipeline_failure_predict.portal.data.reader import Reader
from portal.conftest import Portal


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("zone", "pressure_zone"),
        ("soil", "soil_corrosivity_code"),
        ("risk_class", "risk_class_code"),
    ],
)
def test_each_choice_of_a_filter_leaves_its_mains(
    reader: Reader, portal: Portal, name: str, column: str
) -> None:
    counted = reader.rows(f"select {column} as value, count(*) as mains from pipe_risk group by 1")
    assert {row["value"] for row in mains.choices(reader)[name]} == {
        row["value"] for row in counted
    }
    browser = portal.signed_in("viewer")
    for row in counted:
        text = browser.get(f"/risk?{name}={row['value']}").text
        assert f"{row['mains']:,} mains, " in text
        assert f'<option value="{row["value"]}" selected>' in text


@pytest.mark.parametrize("given", [{}, {"material": "Cast iron"}, {"soil": "high"}])
def test_the_matrix_adds_up_to_the_ranking_and_each_cell_filters_it(
    reader: Reader, given: dict[str, str]
) -> None:
    filters = mains.Filters(given)
    ranking = mains.rank(reader, filters, 1)
    cells = [cell for row in mains.matrix(reader, filters) for cell in row]
    assert len(cells) == 25
    assert sum(cell["mains"] for cell in cells) == ranking.total
    assert sum(cell["length_m"] for cell in cells) == pytest.approx(ranking.length_m)
    assert sum(1 for cell in cells if cell["mains"]) > 3
    for cell in cells:
        left = mains.rank(reader, mains.Filters(cell["given"]), 1)
        assert (left.total, left.length_m) == (cell["mains"], pytest.approx(cell["length_m"]))
        # The others are still there to choose.
        again = mains.matrix(reader, mains.Filters(cell["given"]))
        assert [other["mains"] for row in again for other in row] == [
            other["mains"] for other in cells
        ]


def test_classes_begin_at_their_bounds(reader: Reader) -> None:
    for column, name, bounds in (
        ("expected_breaks_per_km", "likelihood", mains.LIKELIHOOD_BOUNDS),
        ("consequence_usd", "consequence", mains.CONSEQUENCE_BOUNDS),
    ):
        for number in range(1, 6):
            filters = mains.Filters({name: str(number)})
            row = reader.row(
                f"select min({column}) as least, max({column}) as most from pipe_risk "
                f"where {filters.where}",
                **filters.given,
            )
            assert row is not None
            if row["least"] is not None:
                assert number == 1 or row["least"] >= bounds[number - 2]
                assert number == 5 or row["most"] < bounds[number - 1]


def test_cells_of_the_page_lead_to_their_mains_within_the_areas(
    portal: Portal, areas_of: dict[str, list[str]]
) -> None:
    mine = sorted(areas_of)[0]
    browser = portal.signed_in("viewer", (mine,))
    page = browser.get("/risk?material=Cast+iron").text
    cells = re.findall(r'<a href="([^"]+)"[^>]*>([\d,]+) mains?</a>', page)
    total = re.search(r"<p>([\d,]+) mains, ", page)
    assert total
    assert sum(int(count.replace(",", "")) for _, count in cells) == int(total[1].replace(",", ""))
    for address, count in cells:
        chosen = browser.get(address.replace("&amp;", "&")).text
        assert f"<p>{count} mains, " in chosen
        assert 'aria-current="true"' in chosen
    assert browser.get("/risk?likelihood=x&consequence=9").status_code == 200
