"""Metrics: what reports show is what dbt answers, on both engines; other metrics are refused."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import pytest
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow.sql.render.postgres import PostgresSQLSqlPlanRenderer
from metricflow_semantics.model.dbt_manifest_parser import (
    parse_manifest_from_dbt_generated_manifest,
)
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from cities import ENGINES, City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.metric_sql import Star, ViewColumn, metric_table
from la_pipeline_failure_predict.powerbi.metrics import (
    Condition,
    Metric,
    Rolling,
    read_metrics,
)
from powerbi.metric_cases import (
    AREA,
    IN_RECORD,
    METRICS,
    MONTH,
    STAR,
    YEAR,
    fill_small_city,
    looks_back,
    read_artifact,
    same,
    specification_of,
)

RENDERERS = {
    "duckdb": (SqlEngine.DUCKDB, DuckDbSqlPlanRenderer()),
    "postgres": (SqlEngine.POSTGRES, PostgresSQLSqlPlanRenderer()),
}
# What dbt groups by, and how its column becomes the one of the view.
DBT_GROUPS = {
    YEAR: ("metric_time__year", "cast(extract(year from metric_time__year) as integer)"),
    AREA: ("area__area_name", "area__area_name"),
}

Figures = dict[tuple[object, ...], float | None]


class Writer:
    """Tells MetricFlow which engine it writes for; its queries run on the city's connection."""

    def __init__(self, engine: str) -> None:
        self.sql_engine_type, self.sql_plan_renderer = RENDERERS[engine]


@pytest.fixture(scope="module", params=ENGINES)
def city(request: pytest.FixtureRequest, sample_cities: dict[str, City]) -> City:
    return sample_cities[request.param]


@pytest.fixture(scope="module")
def manifest(sample_cities: dict[str, City]) -> dict[str, Any]:
    return read_artifact(sample_cities["duckdb"], "manifest.json")


def semantics_of(city: City) -> SemanticManifestLookup:
    """Return what dbt knows of the metrics; its views are those of the city that is asked.

    Cities of an engine share dbt's target folder, and each has a database of its own.
    """
    declared = read_artifact(city, "semantic_manifest.json")
    spines = declared["project_configuration"]["time_spines"]
    for held in [*declared["semantic_models"], *spines]:
        view = held["node_relation"]
        view["relation_name"] = f"{view['schema_name']}.{view['alias']}"
    manifest = parse_manifest_from_dbt_generated_manifest(json.dumps(declared))
    return SemanticManifestLookup(manifest)


def ask_dbt(dbt: MetricFlowEngine, name: str, groups: tuple[ViewColumn, ...]) -> str:
    """Return the query that dbt makes of a metric."""
    request = MetricFlowQueryRequest.create(
        metric_names=[name], group_by_names=[DBT_GROUPS[group][0] for group in groups]
    )
    query = dbt.explain(request).sql_statement.without_descriptions.sql
    columns = ", ".join([*(DBT_GROUPS[group][1] for group in groups), name])
    return f"select {columns} from ({query}) as answer"


def figures_of(rows: list[tuple[object, ...]]) -> Figures:
    return {row[:-1]: row[-1] for row in rows if row[-1] is not None}  # type: ignore[misc]


def fetch(city: City, queries: dict[str, str]) -> dict[str, list[tuple[object, ...]]]:
    with city.connect() as warehouse:
        answers = {name: warehouse.query(query) for name, query in queries.items()}
    return {
        name: list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        for name, table in answers.items()
    }


def askable(
    metrics: Mapping[str, Metric], star: Star, groups: tuple[ViewColumn, ...]
) -> Iterator[str]:
    """Yield the metrics that dbt answers by these columns as Power BI does."""
    for name, metric in metrics.items():
        if any(star.path(metric.view, view) is None for view, _ in groups):
            continue
        if looks_back(metric, metrics) and YEAR not in groups:
            # dbt asks for a period.
            continue
        if isinstance(metric.formula, Rolling) and AREA in groups:
            # dbt takes the last month that has a row: in a small area, not the last of the year.
            continue
        yield name


def test_every_metric_is_compared_with_dbt(city: City) -> None:
    specification = specification_of(city)
    metrics, star = specification.metrics, specification.star
    compared = {*askable(metrics, star, ()), *askable(metrics, star, (YEAR,))}
    assert compared == metrics.keys()


@pytest.mark.parametrize("groups", [(), (YEAR,), (AREA,), (YEAR, AREA)], ids=str)
def test_figures_are_those_that_dbt_answers(city: City, groups: tuple[ViewColumn, ...]) -> None:
    specification = specification_of(city)
    metrics, star = specification.metrics, specification.star
    dbt = MetricFlowEngine(semantics_of(city), Writer(city.engine))
    asked = list(askable(metrics, star, groups))
    answers = fetch(
        city,
        {"ours": metric_table(asked, metrics, star, groups)}
        | {name: ask_dbt(dbt, name, groups) for name in asked},
    )
    for position, name in enumerate(asked, start=len(groups)):
        ours = figures_of([(*row[: len(groups)], row[position]) for row in answers["ours"]])
        theirs = figures_of(answers[name])
        if isinstance(metrics[name].formula, Rolling):
            # After the record the window empties, and again dbt takes the last month with a row.
            theirs = {key: value for key, value in theirs.items() if key in ours}
        assert ours.keys() == theirs.keys(), name
        different = {
            key: (ours[key], theirs[key]) for key in ours if not same(ours[key], theirs[key])
        }
        assert not different, f"{name}: (ours, dbt's) {different}"
        assert ours, f"{name} has no figure in the sample to compare"


@pytest.fixture(scope="module", params=ENGINES)
def small_city(request: pytest.FixtureRequest, make_city: Callable[[str], City]) -> City:
    return fill_small_city(make_city(request.param))


def ask(
    city: City,
    name: str,
    group_by: tuple[ViewColumn, ...] = (),
    filters: tuple[Condition, ...] = (),
) -> dict[object, float | None]:
    """Return the figures of a metric by what they are grouped by."""
    rows = fetch(city, {"": metric_table([name], METRICS, STAR, group_by, filters)})[""]
    return {row[0] if len(row) == 2 else row[:-1]: row[-1] for row in rows}  # type: ignore[misc]


def test_the_29th_of_february_counts_in_the_february_after(small_city: City) -> None:
    assert ask(small_city, "last_year", (MONTH,)) == {
        date(2025, 2, 1): 1,
        date(2025, 3, 1): 1,
    }


def test_more_than_a_year_has_no_year_before(small_city: City) -> None:
    """A card without a period would show the record against most of itself: a change of zero."""
    assert ask(small_city, "last_year") == {(): None}
    assert ask(small_city, "last_year", (YEAR,)) == {2025: 2}
    assert ask(small_city, "last_year", (), (Condition("dates", "year_number", (2025,)),)) == {
        (): 2
    }


def test_change_is_blank_where_a_year_is_not_recorded(small_city: City) -> None:
    assert ask(small_city, "change", (YEAR,)) == {2025: 1}


def test_rolling_months_are_whole_after_a_leap_year(small_city: City) -> None:
    by_month = ask(small_city, "rolling", (MONTH,))
    assert by_month[date(2025, 1, 1)] == 2
    # The 29th of February 2024 is thirteen months back, the 10th of March is not.
    assert by_month[date(2025, 2, 1)] == 3
    assert date(2024, 1, 1) not in by_month
    february = (
        Condition("dates", "year_number", (2025,)),
        Condition("dates", "month_number", (2,)),
    )
    assert ask(small_city, "rolling", (), february) == {(): 3}


def test_what_lies_in_no_area_is_a_row_of_its_own(small_city: City) -> None:
    assert ask(small_city, "breaks", (AREA,)) == {"Hill": 3, "Bay": 1, None: 1}


def test_a_filter_reaches_only_what_relates_to_it(small_city: City) -> None:
    hill = (Condition("areas", "area_name", ("Hill", "no such area")),)
    assert ask(small_city, "breaks", (), hill) == {(): 3}
    assert ask(small_city, "per_mile", (), hill) == ask(small_city, "per_mile")


def test_a_filter_of_the_reader_adds_to_that_of_the_metric(small_city: City) -> None:
    outside = (Condition("breaks", "is_in_record", (False,)),)
    assert ask(small_city, "breaks", (), outside) == {(): None}


def test_a_rate_without_exposure_is_blank(small_city: City) -> None:
    assert ask(small_city, "per_mile", (YEAR,)) == {2024: pytest.approx(0.1)}


def test_nothing_to_count_is_blank_unless_it_is_zero(small_city: City) -> None:
    nowhere = (Condition("areas", "area_name", ("nowhere",)),)
    assert ask(small_city, "breaks", (), nowhere) == {(): None}
    assert ask(small_city, "broken_rules") == {(): 0}
    assert ask(small_city, "areas_hit") == {(): 2}


def test_figures_of_unlike_views_stand_in_one_row(small_city: City) -> None:
    query = metric_table(["breaks", "per_mile"], METRICS, STAR, (YEAR,))
    assert fetch(small_city, {"": query})[""] == [(2024, 2, 0.1), (2025, 3, None)]


def test_columns_without_a_metric_are_the_combinations_that_occur(small_city: City) -> None:
    group_by = (AREA, ("breaks", "area_id"), ("areas", "area_id"))
    query = metric_table([], METRICS, STAR, group_by, (IN_RECORD,))
    with small_city.connect() as warehouse:
        table = warehouse.query(query)
    assert table.column_names == ["area_name", "breaks_area_id", "areas_area_id"]
    assert [row["area_name"] for row in table.to_pylist()] == ["Bay", "Hill", None]


def test_a_breakdown_that_no_relationship_allows_is_refused() -> None:
    with pytest.raises(UserError, match=r"months cannot be broken down by areas"):
        metric_table(["per_mile"], METRICS, STAR, (AREA,))
    with pytest.raises(UserError, match=r"areas and dates are used together"):
        metric_table([], METRICS, STAR, (AREA, YEAR))


def metric(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in manifest["metrics"].values() if item["name"] == name)


def set_filter(text: str) -> Callable[[dict[str, Any]], None]:
    def spoil(manifest: dict[str, Any]) -> None:
        metric(manifest, "plan_cost")["filter"] = {"where_filters": [{"where_sql_template": text}]}

    return spoil


def set_parameters(name: str, **values: object) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: metric(manifest, name)["type_params"].update(values)


def set_input(name: str, position: int, **values: object) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: metric(manifest, name)["type_params"]["metrics"][position].update(
        values
    )


def drop_column(manifest: dict[str, Any]) -> None:
    del manifest["nodes"][PLAN]["columns"]["cost_usd"]


def drop_filter_column(manifest: dict[str, Any]) -> None:
    del manifest["nodes"][PLAN]["columns"]["is_within_budget"]


def drop_format(manifest: dict[str, Any]) -> None:
    metric(manifest, "plan_cost")["config"]["meta"]["powerbi"] = {"folder": "Plan"}


def repeat_label(manifest: dict[str, Any]) -> None:
    metric(manifest, "plan_cost")["label"] = "breaks"


def count_what_is_no_key(manifest: dict[str, Any]) -> None:
    for model in manifest["semantic_models"].values():
        for measure in model["measures"]:
            if measure["name"] == "project_rows":
                measure["expr"] = "street_name"


PLAN = "model.la_pipeline_failure_predict.pbi_replacement_plan"
CUMULATIVE = {"window": {"count": 12, "granularity": "month"}, "grain_to_date": None}
BAD_METRICS = [
    (drop_column, "plan_cost reads the column cost_usd, which the model pbi_replacement_plan"),
    (drop_filter_column, "reads the column is_within_budget, which the model pbi_replacement_plan"),
    (drop_format, "plan_cost has no format"),
    (repeat_label, "plan_cost and total_breaks both have the label"),
    (count_what_is_no_key, "plan_project_count counts street_name"),
    (set_filter("cost_usd > 5"), "plan_cost has the filter 'cost_usd > 5'"),
    (set_filter("{{ Dimension('break__is_in_record') }} = true"), "a dimension of plan_projects"),
    (set_filter("{{ Dimension('project__is_within_budget') }} > 0"), "write it as"),
    (
        lambda m: metric(m, "plan_cost").update(type="conversion"),
        "plan_cost uses the type conversion",
    ),
    (set_parameters("breaks_change_yoy", expr="total_breaks / breaks_last_year"), "a ratio metric"),
    (set_parameters("breaks_change_yoy", expr="total_breaks - other"), "use its inputs"),
    (set_parameters("breaks_change_yoy", expr="total_breaks -"), "use its inputs"),
    (
        set_input("breaks_last_year", 0, offset_window={"count": 2, "granularity": "year"}),
        "breaks_last_year uses an offset_window other than 1 year",
    ),
    (
        set_input("breaks_change_yoy", 1, offset_window={"count": 1, "granularity": "year"}),
        "breaks_change_yoy uses the year before a year before",
    ),
    (
        set_parameters("breaks_rolling_12m", cumulative_type_params=None),
        "breaks_rolling_12m uses a window that is not in months",
    ),
    (set_input("breaks_last_year", 0, offset_to_grain="year"), "offset_to_grain of an input"),
    (
        set_parameters(
            "breaks_rolling_12m", cumulative_type_params=CUMULATIVE | {"period_agg": "first"}
        ),
        "set period_agg to last",
    ),
    (
        set_parameters(
            "breaks_rolling_12m",
            cumulative_type_params=CUMULATIVE | {"window": {"count": 52, "granularity": "week"}},
        ),
        "a window that is not in months",
    ),
]


@pytest.mark.parametrize(("spoil", "sentence"), BAD_METRICS, ids=[text for _, text in BAD_METRICS])
def test_a_metric_that_cannot_be_alike_is_refused(
    manifest: dict[str, Any], spoil: Callable[[dict[str, Any]], None], sentence: str
) -> None:
    spoiled = {key: manifest[key] for key in ("metrics", "semantic_models")}
    spoiled["nodes"] = {PLAN: manifest["nodes"][PLAN]}
    spoiled = copy.deepcopy(spoiled)
    spoiled["nodes"] = manifest["nodes"] | spoiled["nodes"]
    spoil(spoiled)
    with pytest.raises(UserError) as raised:
        read_metrics(spoiled)
    assert sentence in str(raised.value)
