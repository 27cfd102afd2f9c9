"""Every mart holds the same rows on DuckDB and on Postgres."""

import numpy as np
import pandas as pd
import pytest

from cities import City, needs_real_data

MART_SCHEMAS = ("core", "features", "risk", "portal", "powerbi")
MARTS_ELSEWHERE = ("quality.fct_plausibility",)
# Tells of checks, and what was checked when is each city's own; each engine has its own digests.
OF_THE_RUN = ("powerbi.data_quality", "features.fct_pipe_features__parts")
# Scores come from a fit on each engine: equal to the solver's last digits.
RELATIVE_TOLERANCE = 1e-9
ABSOLUTE_TOLERANCE = {
    # Rounded to nine decimals, to be ranked by: the last one may fall either way.
    "expected_breaks_per_km": 1.5e-9,
    "avoided_per_usd": 1.5e-9,
    # Thousands of dollars times a small difference of two expectations.
    "avoided_usd_10y": 1e-6,
    "cumulative_avoided_usd_10y": 1e-6,
}


def marts(city: City) -> list[str]:
    """Names of all marts, as schema.table."""
    listed = ", ".join(f"'{schema}'" for schema in MART_SCHEMAS)
    rows = city.rows(
        "select table_schema, table_name from information_schema.tables "
        f"where table_schema in ({listed}) order by 1, 2"
    )
    names = [f"{row['table_schema']}.{row['table_name']}" for row in rows]
    return [*(name for name in names if name not in OF_THE_RUN), *MARTS_ELSEWHERE]


def read_sorted(city: City, mart: str) -> pd.DataFrame:
    """All rows of a mart, in an order that no engine decides."""
    with city.connect() as warehouse:
        frame = warehouse.query(f"select * from {mart}").to_pandas()
    exact = [name for name in frame.columns if frame[name].dtype.kind != "f"]
    order = frame[exact].astype(str).apply(tuple, axis=1).map(repr).argsort(kind="stable")
    return frame.iloc[order].reset_index(drop=True)


def assert_same_marts(cities: dict[str, City], never_empty: set[str]) -> None:
    names = marts(cities["duckdb"])
    assert names == marts(cities["postgres"])
    assert len(names) >= 19
    for name in names:
        left, right = (read_sorted(cities[engine], name) for engine in ("duckdb", "postgres"))
        assert len(left) > 0 or name not in never_empty, f"{name} is empty"
        assert list(left.columns) == list(right.columns), name
        for column in left.columns:
            tolerance = ABSOLUTE_TOLERANCE.get(column)
            if tolerance is not None:
                np.testing.assert_allclose(
                    left.pop(column),
                    right.pop(column),
                    rtol=RELATIVE_TOLERANCE,
                    atol=tolerance,
                    err_msg=f"{name}.{column}",
                )
        pd.testing.assert_frame_equal(
            left, right, check_dtype=False, rtol=RELATIVE_TOLERANCE, atol=1e-12, obj=name
        )


def test_sample_is_the_same_on_both_engines(sample_cities: dict[str, City]) -> None:
    everything = set(marts(sample_cities["duckdb"]))
    # A seed to fill; and the sample has no attributes, which tests/python/test_attributes.py has.
    everything -= {"powerbi.area_readers", "features.fct_pipe_attributes"}
    # Only Los Angeles publishes city-wide totals; the sample still has its own breaks there.
    assert_same_marts(sample_cities, never_empty=everything)


@needs_real_data
def test_kitchener_is_the_same_on_both_engines(kitchener_cities: dict[str, City]) -> None:
    assert_same_marts(
        kitchener_cities,
        never_empty={"core.dim_pipes", "core.fct_breaks", "features.fct_pipe_features"}
        | {"risk.fct_pipe_risk", "powerbi.pipe_risk", "powerbi.pipe_breaks"},
    )


@needs_real_data
def test_los_angeles_is_the_same_on_both_engines(los_angeles_cities: dict[str, City]) -> None:
    assert_same_marts(
        los_angeles_cities,
        never_empty={"core.dim_areas", "core.fct_area_months", "core.fct_city_months"}
        | {"features.fct_area_month_features", "risk.fct_area_month_risk"}
        | {"powerbi.joined_risk_view", "powerbi.climate_monthly"},
    )


@pytest.mark.parametrize("name", ["ml.pipe_scores", "ml.area_month_scores"])
def test_runs_have_the_same_name_on_both_engines(sample_cities: dict[str, City], name: str) -> None:
    names = [
        sorted(row["run_id"] for row in city.rows(f"select distinct run_id from {name}"))
        for city in sample_cities.values()
    ]
    assert names[0] == names[1]
    assert names[0]
