"""DAX: an engine that is not ours gives for every measure what SQL gives on the same rows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pbix_mcp.dax import engine as dax_engine

from cities import City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.dax import to_dax
from la_pipeline_failure_predict.powerbi.metric_sql import Join, Star, ViewColumn, metric_table
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
)
from la_pipeline_failure_predict.powerbi.model import Column, Relationship, SemanticModel, Table
from la_pipeline_failure_predict.powerbi.names import Names
from powerbi.metric_cases import (
    AREA,
    METRICS,
    MONTH,
    STAR,
    YEAR,
    fill_small_city,
    same,
    specification_of,
)

# Measures that pbix-mcp can't evaluate, each with a dated reason; November 2026: none.
NOT_EVALUATED: dict[str, str] = {}

COMPLETE = Condition("dates", "is_complete_month", (True,))


class Engine:
    """A city's views and measures in the engine of pbix-mcp, without a file of Power BI."""

    def __init__(
        self,
        city: City,
        metrics: Mapping[str, Metric],
        measures: dict[str, str],
        star: Star,
        names: Names,
    ) -> None:
        self.city, self.metrics, self.measures = city, metrics, measures
        self.star, self.names = star, names
        self.tables = {table: self._rows(view) for view, table in names.tables.items()}
        self.relationships = [
            {
                "FromTable": names.tables[join.view],
                "FromColumn": names.columns[join.view, join.column],
                "ToTable": names.tables[join.to_view],
                "ToColumn": names.columns[join.to_view, join.to_column],
                "IsActive": True,
            }
            for join in star.joins
        ]

    def _rows(self, view: str) -> dict[str, list[Any]]:
        with self.city.connect() as warehouse:
            rows = warehouse.query(f"select * from {self.star.schema}.{view}")
        columns = [column.to_pylist() for column in rows.columns]
        return {
            "columns": [self.names.columns[view, name] for name in rows.column_names],
            "rows": [list(row) for row in zip(*columns, strict=True)],
        }

    def evaluate(self, metrics: list[str], filters: Iterable[Condition]) -> dict[str, Any]:
        """Return figures in a filter context; fail where one can't be evaluated."""
        table, column = (
            self.names.tables[self.star.dates[0]],
            self.names.columns[self.star.dates],
        )
        figures = dax_engine.evaluate_measures_batch(
            [self.metrics[name].label for name in metrics],
            self.tables,
            self.measures,
            filter_context={
                f"{self.names.tables[c.view]}.{self.names.columns[c.view, c.column]}": [*c.values]
                for c in filters
            },
            date_table=table,
            date_column=column,
            date_tables={table: column},
            relationships=self.relationships,
        )
        state = dax_engine._engine
        assert not state.unsupported_functions
        assert not state.eval_errors
        assert not state.timed_out
        return {name: figures[self.metrics[name].label] for name in metrics}

    def assert_same_as_sql(
        self, group: ViewColumn | None = None, filters: tuple[Condition, ...] = ()
    ) -> None:
        """Compare every measure that can be broken down so, for every member of the column."""
        metrics = [
            name
            for name, metric in self.metrics.items()
            if name not in NOT_EVALUATED
            and (group is None or self.star.path(metric.view, group[0]) is not None)
        ]
        assert metrics
        query = metric_table(metrics, self.metrics, self.star, (group,) if group else (), filters)
        expected = {row[group[1]] if group else None: row for row in self.city.rows(query)}
        for member in self._members(group, filters):
            context = (*filters, Condition(*group, (member,))) if group else filters
            figures, row = self.evaluate(metrics, context), expected.pop(member, {})
            different = {
                self.metrics[name].label: (figures[name], row.get(name))
                for name in metrics
                if not same(figures[name], row.get(name))
            }
            assert not different, f"{member}: (DAX, SQL) {different}"
        assert expected.keys() <= {None}

    def _members(self, group: ViewColumn | None, filters: tuple[Condition, ...]) -> list[Any]:
        """Return the values of a column that its table has rows of: Power BI shows no others."""
        if group is None:
            return [None]
        rows = self.city.rows(metric_table([], self.metrics, self.star, (group,), filters))
        return [row[group[1]] for row in rows]


@pytest.fixture(scope="module")
def engine(sample_cities: dict[str, City]) -> Engine:
    city = sample_cities["duckdb"]
    declared = specification_of(city)
    measures = {m.name: m.expression for table in declared.model.tables for m in table.measures}
    return Engine(city, declared.metrics, measures, declared.star, declared.names)


@pytest.mark.parametrize(
    ("group", "filters"),
    [
        (None, ()),
        (None, (COMPLETE,)),
        # A reader's filter against that of the measure.
        (None, (Condition("pipe_breaks", "is_in_record", (False,)),)),
        (YEAR, ()),
        (("dates", "fiscal_year"), (COMPLETE,)),
        (MONTH, (Condition("dates", "year_number", (2024, 2025)),)),
        (AREA, (Condition("dates", "year_number", (2023,)),)),
        (("pipes", "material_group_name"), ()),
        (("data_quality", "status"), ()),
    ],
    ids=str,
)
def test_measures_give_what_sql_gives(
    engine: Engine, group: ViewColumn | None, filters: tuple[Condition, ...]
) -> None:
    engine.assert_same_as_sql(group, filters)


NAMES = Names(
    tables={"dates": "Date", "areas": "Area", "breaks": "Main Breaks", "months": "City Months"},
    columns={
        ("dates", "date_on"): "Date",
        ("dates", "month_on"): "Month",
        ("dates", "year_number"): "Year",
        ("dates", "month_number"): "Month Number",
        ("areas", "area_id"): "Area ID",
        ("areas", "area_name"): "Area",
        ("breaks", "break_key"): "Break",
        ("breaks", "area_id"): "Area ID",
        ("breaks", "broke_on"): "Broke on",
        ("breaks", "is_in_record"): "In Record",
        ("months", "month_on"): "Month",
        ("months", "break_count"): "Breaks",
        ("months", "miles"): "Miles of Mains",
    },
    dates=("dates", "date_on"),
)


@pytest.mark.parametrize("group", [None, YEAR, MONTH, AREA], ids=str)
def test_leap_days_and_gaps_are_alike(
    make_city: Callable[[str], City], group: ViewColumn | None
) -> None:
    """The small city has a break on the 29th of February, months without any, and no exposure."""
    city = fill_small_city(make_city("duckdb"))
    # Power BI shows a measure that is zero without rows for members that have none, SQL does not.
    metrics = {name: metric for name, metric in METRICS.items() if name != "broken_rules"}
    measures = {name: to_dax(metric, metrics, NAMES) for name, metric in metrics.items()}
    Engine(city, metrics, measures, STAR, NAMES).assert_same_as_sql(group)


# pbix-mcp reads no name with a quote or a bracket, so these are laid out only.
ODD_NAMES = replace(
    NAMES,
    tables=NAMES.tables | {"breaks": "The City's Breaks"},
    columns=NAMES.columns | {("months", "miles"): "Miles [of mains]"},
)
BREAKS = Aggregate("breaks", "count", "break_key")
KNOWN = Metric("known", "Breaks [all]", "", "0", "", "breaks", BREAKS)
LAYOUTS: list[tuple[Formula, str]] = [
    (BREAKS, "COUNTROWS('The City''s Breaks')"),
    (Aggregate("months", "max", "miles"), "MAX('City Months'[Miles [of mains]]])"),
    (Aggregate("months", "min", "break_count"), "MIN('City Months'[Breaks])"),
    (
        Aggregate("breaks", "count", "break_key", (), True),
        "COALESCE(COUNTROWS('The City''s Breaks'), 0)",
    ),
    (
        Aggregate("months", "sum", "break_count", (Condition("months", "miles", (0.5, 10)),)),
        "CALCULATE(\n"
        "    SUM('City Months'[Breaks]),\n"
        "    KEEPFILTERS('City Months'[Miles [of mains]]] IN {0.5, 10})\n"
        ")",
    ),
    (
        Aggregate("breaks", "count", "break_key", (Condition("breaks", "break_key", ('6"',)),)),
        "CALCULATE(\n"
        "    COUNTROWS('The City''s Breaks'),\n"
        "    KEEPFILTERS('The City''s Breaks'[Break] = \"6\"\"\")\n"
        ")",
    ),
    (Reference("known"), "[Breaks [all]]]"),
    (Ratio(Reference("known"), Reference("known")), "DIVIDE([Breaks [all]]], [Breaks [all]]])"),
    (Derived("100 * rate", (("rate", Reference("known")),)), "100 * [Breaks [all]]]"),
    (
        Derived("now - 1", (("now", Reference("known")),)),
        "VAR _now = [Breaks [all]]]\nRETURN\n    IF(NOT ISBLANK(_now), _now - 1)",
    ),
    (
        Ratio(Derived("now - 1", (("now", Reference("known")),)), Reference("known")),
        "DIVIDE(\n"
        "    (\n"
        "        VAR _now = [Breaks [all]]]\n"
        "        RETURN\n"
        "            IF(NOT ISBLANK(_now), _now - 1)\n"
        "    ),\n"
        "    [Breaks [all]]]\n"
        ")",
    ),
    (
        LastYear(Reference("known")),
        "IF(\n"
        "    COUNTROWS('Date') <= 366,\n"
        "    CALCULATE([Breaks [all]]], SAMEPERIODLASTYEAR('Date'[Date]))\n"
        ")",
    ),
    (
        Rolling(Reference("known"), 12),
        "CALCULATE(\n"
        "    [Breaks [all]]],\n"
        "    DATESINPERIOD('Date'[Date], MAX('Date'[Date]), -12, MONTH)\n"
        ")",
    ),
]


@pytest.mark.parametrize(("formula", "text"), LAYOUTS, ids=[text for _, text in LAYOUTS])
def test_dax_is_laid_out_to_be_read(formula: Formula, text: str) -> None:
    metric = Metric("m", "M", "", "0", "", "breaks", formula)
    assert to_dax(metric, {"known": KNOWN, "m": metric}, ODD_NAMES) == text


def test_dax_follows_the_rules_of_good_measures(engine: Engine) -> None:
    for label, text in engine.measures.items():
        assert "IFERROR" not in text, label
        assert "/" not in text, label


def table(name: str, view: str, *columns: Column, is_date_table: bool = False) -> Table:
    return Table(name, view, "", columns, "", is_date_table=is_date_table)


def test_names_and_joins_are_those_of_the_model() -> None:
    day = Column("Date", "date_on", "dateTime", "", is_key=True)
    tables = (
        table("Date", "dates", day, is_date_table=True),
        table("Breaks", "pipe_breaks", Column("Break Date", "broke_on", "dateTime", "")),
    )
    model = SemanticModel("m", "", tables, (Relationship("Breaks", "Break Date", "Date", "Date"),))
    assert Names.of(tables).column("pipe_breaks", "broke_on") == "'Breaks'[Break Date]"
    assert Star.of(model) == Star(
        (Join("pipe_breaks", "broke_on", "dates", "date_on"),), dates=("dates", "date_on")
    )
    with pytest.raises(UserError, match="No table is the date table"):
        Names.of(tables[1:])
