"""Check landing tables, model tables and Power BI views against the rules of their contracts.

Great Expectations turns the rules into SQL that runs in the warehouse. Well-known text is the one
thing SQL cannot judge on every engine: it is read as Arrow batches, a few thousand rows at a time.
"""

import logging
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch

import great_expectations as gx
import pyarrow as pa
import shapely
from great_expectations.core import ExpectationValidationResult
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
)
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.datasource.fluent.interfaces import TestConnectionError
from great_expectations.exceptions import GreatExpectationsError

from la_pipeline_failure_predict.contracts.reader import read_checked_tables
from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.project import open_warehouse
from la_pipeline_failure_predict.quality.findings import Findings, Outcome, Status, TableOutcome
from la_pipeline_failure_predict.quality.plausibility import read_figures
from la_pipeline_failure_predict.quality.suites import (
    COLUMNS_RULE,
    ROWS_RULE,
    build_suite,
    checked_rules,
)
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.tables import Rule, Table
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.alchemy import Address, read_address
from la_pipeline_failure_predict.warehouse.base import full_name, quote

log = logging.getLogger(__name__)

BATCH_ROWS = 20_000
EXAMPLES = 5
SHOWN_CHARACTERS = 60
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": EXAMPLES}


def check_warehouse(
    settings: Settings,
    patterns: Sequence[str] = (),
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> Findings:
    """Check the tables that exist; missing ones are reported, and do not fail.

    Parameters
    ----------
    patterns
        Names of tables, with or without schema, ``*`` for anything; all tables without one.
    progress
        Told tables done, tables in all and the table at hand.

    Raises
    ------
    UserError
        If a pattern names no table, or the warehouse cannot be opened.
    """
    with open_warehouse(settings) as warehouse:
        label = warehouse.label
        known = [*read_checked_tables(settings.root), *read_figures(warehouse)]
        tables = _chosen(known, patterns)
        prepared = [_prepare(warehouse, table) for table in tables]
    found: list[TableOutcome] = []
    present = [item for item in prepared if item.is_there]
    with _data_source(read_address(settings)) as source:
        for done, item in enumerate(present):
            progress(done, len(present), f"{item.table.schema}.{item.table.name}")
            found.append(_check_table(source, item))
    return Findings(label, tuple(found), tuple(_left_out(prepared, found)))


@dataclass(frozen=True)
class _Prepared:
    """A table, whether it exists, and what SQL cannot judge: count and examples per rule."""

    table: Table
    is_there: bool
    unreadable: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)


def _chosen(tables: Sequence[Table], patterns: Sequence[str]) -> list[Table]:
    if not patterns:
        return list(tables)
    chosen = []
    for pattern in patterns:
        found = [
            table
            for table in tables
            if fnmatch(f"{table.schema}.{table.name}", pattern) or fnmatch(table.name, pattern)
        ]
        if not found:
            names = ", ".join(sorted(f"{table.schema}.{table.name}" for table in tables))
            raise UserError(f"No table {pattern!r} to check: choose among {names}.")
        chosen += [table for table in found if table not in chosen]
    return chosen


def _prepare(warehouse: Warehouse, table: Table) -> _Prepared:
    if not warehouse.has_table(table.schema, table.name):
        return _Prepared(table, is_there=False)
    unreadable = {
        rule.name: _unreadable_shapes(warehouse, table, rule)
        for rule in table.rules
        if rule.kind == "wkt"
    }
    return _Prepared(table, True, unreadable)


def _unreadable_shapes(
    warehouse: Warehouse, table: Table, rule: Rule
) -> tuple[int, tuple[str, ...]]:
    """Count well-known text that is unreadable or not in degrees, with a few examples."""
    column = quote(str(rule.column))
    batches = warehouse.stream(
        f"select {column} as wkt from {full_name(table)} where {column} is not null",
        batch_rows=BATCH_ROWS,
    )
    count = 0
    examples: list[str] = []
    for batch in batches:
        texts = pa.array(batch.column(0)).to_numpy(zero_copy_only=False)
        if not len(texts):
            continue
        west, south, east, north = shapely.bounds(shapely.from_wkt(texts, on_invalid="ignore")).T
        within = (west >= -180) & (south >= -90) & (east <= 180) & (north <= 90)
        count += int((~within).sum())
        examples += [_shorten(text) for text in texts[~within][: EXAMPLES - len(examples)]]
    return count, tuple(examples)


def _left_out(prepared: Sequence[_Prepared], found: Sequence[TableOutcome]) -> Iterator[str]:
    missing = [item.table for item in prepared if not item.is_there]
    for fix, are_marts in (("la-pipes init", False), ("la-pipes build", True)):
        names = [
            f"{table.schema}.{table.name}"
            for table in missing
            if (table.schema not in ("raw", "ml")) is are_marts
        ]
        if names:
            yield f"{', '.join(names)}: not there yet, run {fix}"
    empty = [table.full_name for table in found if table.rows == 0]
    if empty:
        yield f"{', '.join(empty)}: no rows yet, so only the columns could be wrong"


@contextmanager
def _data_source(address: Address) -> Iterator[SQLDatasource]:
    """Yield a Great Expectations data source that leaves nothing open and nothing on disk."""
    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            progress_bars={"globally": False},
            analytics_enabled=False,
        ),
    )
    with warnings.catch_warnings():
        # It prefers its own source for Postgres, and another way to name the schema.
        warnings.simplefilter("ignore")
        source = context.data_sources.add_sql(
            "warehouse", connection_string=address.url, kwargs=dict(address.options)
        )
        engine = source.get_engine()
        try:
            yield source
        finally:
            source.get_execution_engine().close()
            engine.dispose()


def _check_table(source: SQLDatasource, item: _Prepared) -> TableOutcome:
    table, start = item.table, time.perf_counter()
    name = f"{table.schema}.{table.name}"
    counted = {rule: count for rule, (count, _) in item.unreadable.items()}
    try:
        asset = source.add_table_asset(name, table_name=table.name, schema_name=table.schema)
        batch = asset.add_batch_definition_whole_table("all rows").get_batch()
        validation = batch.validate(build_suite(table, counted), result_format=RESULT_FORMAT)
        results = {result.expectation_config.meta["rule"]: result for result in validation.results}
        rows = int(results.pop(ROWS_RULE).result["observed_value"])
    except (GreatExpectationsError, TestConnectionError, KeyError):
        # A view over something that was deleted, or a table that this user may not read.
        log.exception("checking %s", name)
        message = (
            "cannot be read, because what it reads is missing or not permitted: run la-pipes build"
        )
        outcome = Outcome(COLUMNS_RULE, "error", message=message)
        return TableOutcome(
            table.schema, table.name, 0, time.perf_counter() - start, (outcome,), None
        )
    outcomes = tuple(
        _without_followers(
            [_outcome(rule, results[rule.name], item, rows) for rule in checked_rules(table)]
        )
    )
    seconds = time.perf_counter() - start
    log.info("checked %s: %d rules, %.2f s", name, len(outcomes), seconds)
    return TableOutcome(table.schema, table.name, rows, seconds, outcomes, validation)


def _without_followers(outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
    """Yield the outcomes but for rules that could not be evaluated as their column is missing."""
    missing: set[str] = set()
    for outcome in outcomes:
        if outcome.rule is COLUMNS_RULE:
            missing = set(outcome.examples)
        rule = outcome.rule
        text = f"{rule.column} {rule.condition} {rule.query} {' '.join(rule.columns)}"
        if outcome.status != "error" or missing.isdisjoint(re.findall(r"\w+", text)):
            yield outcome


def _outcome(
    rule: Rule, result: ExpectationValidationResult, item: _Prepared, rows: int
) -> Outcome:
    message = _exception(result)
    if message:
        return Outcome(rule, "error", message=message)
    broken: Status = "warn" if rule.severity == "warning" else "fail"
    status: Status = "pass" if result.success else broken
    details = result.result or {}
    observed = details.get("observed_value")
    figure = observed if isinstance(observed, int | float) else None
    if rule.kind == "wkt":
        count, examples = item.unreadable.get(rule.name, (0, ()))
        return Outcome(rule, status, count, examples=examples)
    if "unexpected_count" in details:
        values = details.get("partial_unexpected_list") or []
        given = (_shorten(repr(value)) for value in values if value is not None)
        shown = tuple(dict.fromkeys(given))
        return Outcome(rule, status, int(details["unexpected_count"] or 0), examples=shown)
    more = details.get("details") or {}
    if "unexpected_rows" in more:
        shown = tuple(_row_text(row) for row in more["unexpected_rows"])
        return Outcome(rule, status, int(figure or 0), examples=shown)
    missing = tuple(str(name) for name in (more.get("mismatched") or {}).get("missing", ()))
    if missing:
        return Outcome(rule, status, len(missing), examples=missing)
    return Outcome(rule, status, _broken_rows(rule, figure, rows, status), figure)


def _broken_rows(rule: Rule, figure: float | None, rows: int, status: Status) -> int:
    """Return the rows behind a figure; 1 for a figure of the whole table that is out of bound."""
    if rule.condition is None:
        return 0 if status == "pass" else 1
    return round((figure or 0) * rows / 100) if rule.is_share else round(figure or 0)


def _exception(result: ExpectationValidationResult) -> str | None:
    """Return the first line of what was raised while evaluating, if anything was."""
    raised = result.exception_info or {}
    found = [raised] if "raised_exception" in raised else list(raised.values())
    for item in found:
        if item.get("raised_exception"):
            log.debug("%s", item.get("exception_traceback"))
            return first_line(item.get("exception_message"), 200)
    return None


def _row_text(row: Mapping[str, object]) -> str:
    cells = (f"{name}={value!s}" for name, value in row.items() if value is not None)
    return f"({_shorten(' '.join(cells), 120)})"


def _shorten(text: str, width: int = SHOWN_CHARACTERS) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
