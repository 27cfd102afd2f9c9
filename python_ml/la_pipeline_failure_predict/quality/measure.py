"""Measure what a table's rules are about: the figure of each, and examples of what breaks it.

All figures of a table come from one query that either engine runs, the SQL that dbt's test
`meets_contract` runs. Well-known text is the one thing that SQL cannot judge on every engine: it is
read as Arrow batches, a few thousand rows at a time.
"""

import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import shapely

from la_pipeline_failure_predict.contracts.rules import aggregate
from la_pipeline_failure_predict.errors import first_line
from la_pipeline_failure_predict.spatial.geometry import read_wkt
from la_pipeline_failure_predict.tables import Rule, Table
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.base import full_name, quote

log = logging.getLogger(__name__)

BATCH_ROWS = 20_000
EXAMPLES = 5
SHOWN_CHARACTERS = 60

COLUMNS_RULE = Rule(
    "columns",
    "sql",
    "error",
    "columns of the contract are missing: build the marts again, or add the columns to the table",
)


@dataclass(frozen=True)
class Measured:
    """What was measured of a table.

    Attributes
    ----------
    figures
        What must be within a rule's bound; None where there was nothing to measure. Without the
        rules that name a missing column.
    examples
        A few values or rows that break a rule, as text.
    error
        Why the table could not be read, if it could not.
    """

    table: Table
    rows: int = 0
    seconds: float = 0
    figures: Mapping[Rule, float | None] = field(default_factory=dict)
    examples: Mapping[Rule, tuple[str, ...]] = field(default_factory=dict)
    error: str | None = None


def measure(warehouse: Warehouse, table: Table) -> Measured | None:
    """Measure the rules of a table, or return None if it is not there."""
    start = time.perf_counter()
    present = warehouse.query(
        "select column_name from information_schema.columns "
        "where table_schema = $1 and table_name = $2",
        (table.schema, table.name),
    )
    if not present.num_rows:
        return None
    names = set(present.column(0).to_pylist())
    missing = tuple(column.name for column in table.columns if column.name not in names)
    try:
        with warehouse.transaction():
            measured = _measure(warehouse, table, missing)
    except Exception as error:
        # The driver's: what a view reads was deleted, or this user may not read it.
        log.exception("measuring %s.%s", table.schema, table.name)
        text = f"{first_line(str(error), 120)} (if what it reads is missing, run la-pipes build)"
        measured = Measured(table, error=text)
    return replace(measured, seconds=time.perf_counter() - start)


def _measure(warehouse: Warehouse, table: Table, missing: tuple[str, ...]) -> Measured:
    rules = [rule for rule in _rules(table) if not _names_any(rule, missing)]
    rows, figures = _figures(warehouse, table, rules)
    examples = {
        rule: tuple(_examples(warehouse, table, rule)) for rule, figure in figures.items() if figure
    }
    for rule in [rule for rule in figures if rule.kind == "wkt" and rows]:
        figures[rule], examples[rule] = _unreadable_shapes(warehouse, table, rule)
    if table.columns:
        figures = {COLUMNS_RULE: len(missing), **figures}
        examples[COLUMNS_RULE] = missing
    return Measured(table, rows, figures=figures, examples=examples)


def _rules(table: Table) -> Iterator[Rule]:
    if table.key:
        names = ", ".join(table.key)
        yield Rule("key", "repeated", "error", f"{names} are repeated", columns=table.key)
    yield from table.rules


def _names_any(rule: Rule, columns: Iterable[str]) -> bool:
    text = f"{rule.column} {rule.condition} {rule.query} {' '.join(rule.columns)}"
    return not set(columns).isdisjoint(re.findall(r"\w+", text))


def _figures(
    warehouse: Warehouse, table: Table, rules: Sequence[Rule]
) -> tuple[int, dict[Rule, float | None]]:
    """Return the number of rows, and the figure of each rule; without rows, only of queries."""
    measured = [
        "null" if rule.kind == "wkt" else f"cast({aggregate(rule)} as double precision)"
        for rule in rules
    ]
    columns = "".join(f", {figure} as figure_{place}" for place, figure in enumerate(measured))
    sql = f"select count(*) as row_count{columns} from {{table}}"
    (found,) = warehouse.query(sql.replace("{table}", full_name(table))).to_pylist()
    rows = found["row_count"]
    return rows, {
        rule: found[f"figure_{place}"] if rows or rule.kind == "sql" else None
        for place, rule in enumerate(rules)
    }


def _examples(warehouse: Warehouse, table: Table, rule: Rule) -> Iterator[str]:
    """Yield values that break a rule about a column, or the telling columns of rows that do."""
    if rule.kind == "repeated":
        keys = ", ".join(map(quote, rule.columns))
        query = f"{keys}, count(*) as row_count from {{table}} group by {keys} having count(*) > 1"
    elif rule.condition is None or rule.kind == "required":
        return
    else:
        names = [rule.column] if rule.column else _telling_columns(table, rule)
        shown = ", ".join(map(quote, names)) or "*"
        query = f"{shown} from {{table}} where {rule.condition}"
    sql = f"select {query} limit {EXAMPLES}".replace("{table}", full_name(table))
    for row in warehouse.query(sql).to_pylist():
        yield _value(row[rule.column]) if rule.column else _row(row)


def _telling_columns(table: Table, rule: Rule) -> list[str]:
    words = set(re.findall(r"\w+", rule.condition or ""))
    words |= {"_source_file", "_row_number", *table.key}
    return [column.name for column in table.columns if column.name in words]


def _unreadable_shapes(
    warehouse: Warehouse, table: Table, rule: Rule
) -> tuple[int, tuple[str, ...]]:
    """Count well-known text that is unreadable or not in degrees, with a few examples."""
    column = quote(str(rule.column))
    count = 0
    examples: list[str] = []
    for batch in warehouse.stream(
        f"select {column} from {full_name(table)} where {column} is not null",
        batch_rows=BATCH_ROWS,
    ):
        texts = pa.array(batch.column(0)).to_numpy(zero_copy_only=False)
        west, south, east, north = shapely.bounds(read_wkt(texts)).T
        within = (west >= -180) & (south >= -90) & (east <= 180) & (north <= 90)
        count += int((~within).sum())
        examples += [_shorten(text) for text in texts[~within][: EXAMPLES - len(examples)]]
    return count, tuple(examples)


def _value(value: object) -> str:
    return _shorten(repr(value) if isinstance(value, str) else str(value))


def _row(row: Mapping[str, object]) -> str:
    cells = (f"{name}={value!s}" for name, value in row.items() if value is not None)
    return f"({_shorten(' '.join(cells), 120)})"


def _shorten(text: str, width: int = SHOWN_CHARACTERS) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
