"""What the model step wrote can be checked by anyone who reads SQL."""

import pytest

from cities import ENGINES, City, needs_real_data

DIFFERENCE = """
    select
        (select count(*) from ml.pipe_scores as scores
        inner join intermediate.int_scores__published_runs as runs on scores.run_id = runs.run_id)
            as written,
        count(*) as compared,
        max(abs(sql.expected_breaks - scores.expected_breaks) / scores.expected_breaks) as largest
    from ml.pipe_scores as scores
    inner join intermediate.int_scores__pipe_contributions as sql
        on
            scores.run_id = sql.run_id
            and scores.pipe_id = sql.pipe_id
            and scores.as_of_date = sql.as_of_date
"""


def assert_same_scores(city: City) -> None:
    (found,) = city.rows(DIFFERENCE)
    assert found["compared"] == found["written"] > 0
    assert found["largest"] < 1e-9


@pytest.mark.parametrize("engine", ENGINES)
def test_sql_gives_the_scores_of_the_sample(sample_cities: dict[str, City], engine: str) -> None:
    assert_same_scores(sample_cities[engine])


@needs_real_data
@pytest.mark.parametrize("engine", ENGINES)
def test_sql_gives_the_scores_of_kitchener(kitchener_cities: dict[str, City], engine: str) -> None:
    assert_same_scores(kitchener_cities[engine])
