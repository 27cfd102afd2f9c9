"""Check the rows that Power BI imports: what would stop a refresh, or be shown wrong.

Every rule counts the wrong rows in SQL. All counts of a table are one query, the same on every
engine; examples are looked up for what was found alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from la_pipeline_failure_predict.powerbi import SCHEMA
from la_pipeline_failure_predict.powerbi.lint.rules import Spot, Violation
from la_pipeline_failure_predict.powerbi.lint.warehouse_columns import (
    spot_of,
)
from la_pipeline_failure_predict.powerbi.model import Column, Relationship, SemanticModel, Table
from la_pipeline_failure_predict.powerbi.names import written
from la_pipeline_failure_predict.powerbi.warehouse_views import Views, read_view_types
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.base import quote

# Characters of a text that Power BI keeps.
MOST_CHARACTERS = 32_766
# The first day that DAX counts right: it takes 1900 for a leap year, as Excel does.
FIRST_DATE = "1900-03-01"
MOST_VALUES = 1_000_000
EXAMPLES = 3
# What a query of a view calls its rows.
ROWS = "imported"
NO_NUMBERS = ", ".join(
    f"cast('{text}' as double precision)" for text in ("NaN", "Infinity", "-Infinity")
)


@dataclass(frozen=True)
class Probe:
    """A count of wrong rows or values.

    Attributes
    ----------
    count
        SQL expression over the view's rows: how many are wrong, or null.
    text
        What is said of them, after the name of the object; `{count}` stands for their number.
    examples
        Query of one text per row that shows some of them; empty where there is nothing to show.
    """

    place: Spot
    rule: str
    count: str
    text: str
    is_error: bool = True
    examples: str = ""


def lint_data(
    warehouse: Warehouse, model: SemanticModel, most_values: int = MOST_VALUES
) -> list[Violation]:
    """Return where the rows of the views break a rule.

    Views and columns that are missing are left out: `check_columns` reports them.

    Parameters
    ----------
    most_values
        Distinct values above which a visible column is said to make the model large.

    Raises
    ------
    UserError
        If the warehouse has no views for Power BI yet.
    """
    views = read_view_types(warehouse)
    found: list[Violation] = []
    for table in model.tables:
        if table.view in views:
            probes = list(_probes(model, table, views))
            rows, faults = _count(warehouse, table, probes)
            if rows > most_values:
                probes = list(_size_probes(model, table, views, most_values))
                faults += _count(warehouse, table, probes)[1]
            found += faults
    return found


def _count(warehouse: Warehouse, table: Table, probes: list[Probe]) -> tuple[int, list[Violation]]:
    """Return the number of the view's rows, and what the probes found among them."""
    counts = [f"cast({probe.count} as bigint) as c{number}" for number, probe in enumerate(probes)]
    selected = ",\n".join(["count(*) as row_count", *counts])
    (row,) = _query(warehouse, table, f"select {selected} from {ROWS}")
    found = [(probe, row[f"c{number}"]) for number, probe in enumerate(probes)]
    return row["row_count"], [
        _violation(warehouse, table, probe, count) for probe, count in found if count
    ]


def _query(warehouse: Warehouse, table: Table, select: str) -> list[dict[str, Any]]:
    # Materialized: a view that joins is computed once, not for each count.
    rows = f"with {ROWS} as materialized (select * from {_relation(table)})"
    return warehouse.query(f"{rows}\n{select}").to_pylist()


def _violation(warehouse: Warehouse, table: Table, probe: Probe, count: int) -> Violation:
    text = probe.text.format(count=f"{count:,}")
    if probe.examples:
        shown = _query(warehouse, table, f"{probe.examples} limit {EXAMPLES}")
        text += f" (such as {', '.join(row['example'] for row in shown)})"
    return Violation(probe.place, probe.rule, f"{probe.place.thing} {text}.", probe.is_error)


def _probes(model: SemanticModel, table: Table, views: Views) -> Iterator[Probe]:
    types = views[table.view]
    joined = [one for one in model.relationships if one.from_table == table.name]
    keys = key_columns(model, table)
    identifiers = keys | {one.from_column for one in joined}
    for column in table.columns:
        kind = types.get(column.source)
        if kind is None:
            continue
        name = quote(column.source)
        if column.name in keys:
            yield from _key_probes(table, column, name)
        if column.name in identifiers and kind == "text":
            yield _twins(table, column, name, is_key=column.name in keys)
        if kind == "text":
            yield _long_texts(table, column, name)
        if kind == "double precision":
            yield _no_numbers(table, column, name)
        if kind in ("date", "timestamp"):
            yield from _date_probes(table, column, name, kind)
        if column.sort_by:
            yield from _sort_probes(table, column, types)
        if table.is_date_table and column.is_key:
            yield _gaps(table, column, name)
    for one in joined:
        yield from _orphans(model, table, one, views)


def key_columns(model: SemanticModel, table: Table) -> set[str]:
    """Return the columns of a table that are to tell its rows apart."""
    ends = {one.to_column for one in model.relationships if one.to_table == table.name}
    return ends | {column.name for column in table.columns if column.is_key}


def _key_probes(table: Table, column: Column, name: str) -> Iterator[Probe]:
    place = spot_of(table, column)
    yield Probe(
        place,
        "KEY_IS_NULL",
        f"count(*) - count({name})",
        "is the key of its table and null in {count} rows, which stops the refresh: fill it in "
        "the dbt model",
    )
    yield Probe(
        place,
        "KEY_NOT_UNIQUE",
        f"count({name}) - count(distinct {name})",
        "is the key of its table and repeated in {count} rows, which stops the refresh: keep one "
        "row of each in the dbt model",
        examples=f"select cast({name} as text) as example from {ROWS} where {name} is not null "
        f"group by {name} having count(*) > 1 order by 1",
    )


def _twins(table: Table, column: Column, name: str, *, is_key: bool) -> Probe:
    """Power BI takes texts for the same that differ in capitals, or in spaces at their end."""
    effect = "which stops the refresh" if is_key else "which Power BI takes for one"
    return Probe(
        spot_of(table, column),
        "CASE_TWINS",
        f"count(distinct {name}) - count(distinct {_folded(name)})",
        f"has {{count}} values that differ from another only in capital letters or spaces at the "
        f"end, {effect}: rename them where they are delivered",
        is_error=is_key,
        examples=f"select min({name}) || ' and ' || max({name}) as example from {ROWS} "
        f"group by {_folded(name)} having count(distinct {name}) > 1 order by 1",
    )


def _folded(name: str) -> str:
    return f"lower(rtrim({name}))"


def _long_texts(table: Table, column: Column, name: str) -> Probe:
    return Probe(
        spot_of(table, column),
        "LONG_TEXT",
        f"count(*) filter (where length({name}) > {MOST_CHARACTERS})",
        f"is longer than {MOST_CHARACTERS:,} characters in {{count}} rows, where Power BI cuts it: "
        "shorten it in the dbt model",
    )


def _no_numbers(table: Table, column: Column, name: str) -> Probe:
    return Probe(
        spot_of(table, column),
        "NO_NUMBER",
        f"count(*) filter (where {name} in ({NO_NUMBERS}))",
        "is not a number or infinite in {count} rows, which spoils every sum: make it null in the "
        "dbt model",
    )


def _date_probes(table: Table, column: Column, name: str, kind: str) -> Iterator[Probe]:
    place = spot_of(table, column)
    yield Probe(
        place,
        "EARLY_DATE",
        f"count(*) filter (where {name} < date '{FIRST_DATE}')",
        f"is before {FIRST_DATE} in {{count}} rows, and dates of Power BI begin then: make it null "
        "in the dbt model, and keep the year as a number",
        is_error=False,
    )
    if kind == "timestamp" and ":" not in column.format:
        yield Probe(
            place,
            "TIME_IN_A_DATE",
            f"count(*) filter (where {name} <> cast({name} as date))",
            "is shown as a date and has a time in {count} rows, so that it matches no day: cast it "
            "to date in the dbt model",
        )


def _sort_probes(table: Table, column: Column, types: Mapping[str, str]) -> Iterator[Probe]:
    by = table.column(column.sort_by or "")
    if by is None or by.source not in types:
        return
    name, sort = quote(column.source), quote(by.source)
    ambiguous = (
        f"select coalesce(cast({name} as text), 'null') as example from {ROWS} group by {name} "
        f"having count(distinct {sort}) + max(case when {sort} is null then 1 else 0 end) > 1"
    )
    yield Probe(
        spot_of(table, column),
        "SORT_NOT_UNIQUE",
        f"(select count(*) from ({ambiguous}) as names)",
        f"has {{count}} values with several values of {written(table.name, by.name)}, which stops "
        "the refresh: give each one in the dbt model",
        examples=f"{ambiguous} order by 1",
    )


def _gaps(table: Table, column: Column, name: str) -> Probe:
    day = f"cast({name} as date)"
    return Probe(
        spot_of(table, column),
        "GAP_IN_DATES",
        f"max({day}) - min({day}) + 1 - count(distinct {day})",
        "lacks {count} days between its first and last, so that a year before is not found: list "
        "every day in the dbt model",
    )


def _orphans(
    model: SemanticModel, table: Table, one: Relationship, views: Views
) -> Iterator[Probe]:
    other = model.by_name.get(one.to_table)
    many = table.column(one.from_column)
    key = other.column(one.to_column) if other else None
    if not (other and many and key) or key.source not in views.get(other.view, ()):
        return
    if many.source not in views[table.view]:
        return
    name, place = quote(many.source), spot_of(table, many)
    ends = f"one.{quote(key.source)}", f"many.{name}"
    if views[table.view][many.source] == "text":
        ends = _folded(ends[0]), _folded(ends[1])
    orphans = (
        f"from {ROWS} as many where {name} is not null and not exists "
        f"(select 1 from {_relation(other)} as one where {' = '.join(ends)})"
    )
    target = written(other.name, key.name)
    yield Probe(
        place,
        "ORPHANS",
        f"(select count(*) {orphans})",
        f"is not among {target} in {{count}} rows, which show as blank: add them to that view",
        examples=f"select distinct cast({name} as text) as example {orphans} order by 1",
    )
    yield Probe(
        place,
        "NULL_REFERENCE",
        f"count(*) - count({name})",
        f"is null in {{count}} rows, which show as blank: give them an unknown one of {target}",
        is_error=False,
    )


def _size_probes(model: SemanticModel, table: Table, views: Views, most: int) -> Iterator[Probe]:
    keys = key_columns(model, table)
    for column in table.columns:
        is_seen = not column.is_hidden and not table.is_hidden and column.name not in keys
        if is_seen and column.source in views[table.view]:
            count = f"count(distinct {quote(column.source)})"
            yield Probe(
                spot_of(table, column),
                "HIGH_CARDINALITY",
                f"case when {count} > {most} then {count} end",
                "has {count} values, which make the model large: round it in the dbt model, or "
                "leave it out",
                is_error=False,
            )


def _relation(table: Table) -> str:
    return f"{SCHEMA}.{quote(table.view)}"
