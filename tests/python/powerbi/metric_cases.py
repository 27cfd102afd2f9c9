"""Metrics under test: the project's own, as a manifest has them, and those of a small city."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cities import City
from la_pipeline_failure_predict.powerbi.metric_sql import Join, Star
from la_pipeline_failure_predict.powerbi.metrics import (
    Aggregate,
    Condition,
    Derived,
    Formula,
    LastYear,
    Metric,
    Ratio,
    Reference,
    Rolling,
    walk,
)
from la_pipeline_failure_predict.powerbi.specification import Specification, read_specification

YEAR, MONTH, AREA = ("dates", "year_number"), ("dates", "month_on"), ("areas", "area_name")


def read_artifact(city: City, name: str) -> dict[str, Any]:
    """Return a file that dbt wrote when it built the city."""
    return json.loads((Path(city.environment["DBT_TARGET_PATH"]) / name).read_text())


def specification_of(city: City) -> Specification:
    """Return what dbt declares for Power BI, of the models that the city was built with."""
    return read_specification(read_artifact(city, "manifest.json"))


def looks_back(metric: Metric, metrics: Mapping[str, Metric]) -> bool:
    """Whether a metric reads another period than the one asked for."""
    formulas = {name: other.formula for name, other in metrics.items()}
    return any(isinstance(part, LastYear | Rolling) for part in walk(metric.formula, formulas))


def same(left: float | None, right: float | None) -> bool:
    """Whether two figures are equal but for the order of a sum; blank equals only blank."""
    if left is None or right is None:
        return left is right
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)


# Two areas, a break in neither, one outside the record, and a 29th of February.
TABLES = {
    "dates": """
        select
            cast(day as date) as date_on,
            cast(date_trunc('month', day) as date) as month_on,
            cast(extract(year from day) as integer) as year_number,
            cast(extract(month from day) as integer) as month_number
        from generate_series(timestamp '2023-01-01', timestamp '2025-12-31', interval '1 day')
            as days (day)
    """,
    "areas": "select * from (values ('h', 'Hill'), ('b', 'Bay')) as a (area_id, area_name)",
    "breaks": """
        select * from (values
            ('1', 'h', date '2024-02-29', true),
            ('2', 'h', date '2024-03-10', true),
            ('3', 'h', date '2025-02-10', true),
            ('4', 'b', date '2025-02-11', true),
            ('5', null, date '2025-03-01', true),
            ('6', 'b', date '2025-03-02', false)
        ) as b (break_key, area_id, broke_on, is_in_record)
    """,
    "months": """
        select * from (values
            (date '2024-02-01', 1, cast(10 as double precision)),
            (date '2025-02-01', 2, cast(0 as double precision))
        ) as m (month_on, break_count, miles)
    """,
}
STAR = Star(
    (
        Join("breaks", "area_id", "areas", "area_id"),
        Join("breaks", "broke_on", "dates", "date_on"),
        Join("months", "month_on", "dates", "date_on"),
    ),
    dates=("dates", "date_on"),
)
IN_RECORD = Condition("breaks", "is_in_record", (True,))
FORMULAS: dict[str, Formula] = {
    "breaks": Aggregate("breaks", "count", "break_key", (IN_RECORD,)),
    "last_year": LastYear(Reference("breaks")),
    "change": Derived(
        "now - before", (("now", Reference("breaks")), ("before", Reference("last_year")))
    ),
    "rolling": Rolling(Reference("breaks"), 12),
    "per_mile": Ratio(
        Aggregate("months", "sum", "break_count"), Aggregate("months", "sum", "miles")
    ),
    "areas_hit": Aggregate("breaks", "count_distinct", "area_id"),
    "broken_rules": Aggregate(
        "breaks", "count", "break_key", (Condition("breaks", "break_key", ("none",)),), True
    ),
}
METRICS = {
    name: Metric(
        name=name,
        label=name,
        description="",
        format="0",
        folder="",
        view="months" if name == "per_mile" else "breaks",
        formula=formula,
    )
    for name, formula in FORMULAS.items()
}


def fill_small_city(city: City) -> City:
    """Write the small city's views into an empty warehouse."""
    with city.connect() as warehouse:
        warehouse.execute("create schema powerbi")
        for name, rows in TABLES.items():
            warehouse.execute(f"create table powerbi.{name} as {rows}")
    return city
