"""Check landing tables, model tables and Power BI views against the rules of their contracts."""

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch

from la_pipeline_failure_predict.contracts.reader import read_checked_tables
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.project import open_warehouse
from la_pipeline_failure_predict.quality.checkpoint import Judge
from la_pipeline_failure_predict.quality.findings import Findings, Outcome, Status, TableOutcome
from la_pipeline_failure_predict.quality.measure import COLUMNS_RULE, Measured, measure
from la_pipeline_failure_predict.quality.plausibility import read_figures
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.tables import Rule, Table


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
        If a pattern names no table, none is there, or the warehouse cannot be opened.
    """
    found: list[TableOutcome] = []
    missing: list[Table] = []
    judge = Judge()
    with open_warehouse(settings) as warehouse:
        known = [*read_checked_tables(settings.root), *read_figures(warehouse)]
        chosen = _chosen(known, patterns)
        for done, table in enumerate(chosen):
            progress(done, len(chosen), f"{table.schema}.{table.name}")
            measured = measure(warehouse, table)
            if measured is None:
                missing.append(table)
            else:
                found.append(_judged(judge, measured))
        if not found:
            raise UserError(
                f"{warehouse.label} holds none of the tables to check: check which warehouse is "
                f"meant (--target, LA_PIPES_DUCKDB_PATH). {'; '.join(_left_out(missing))}."
            )
        return Findings(warehouse.label, tuple(found), tuple(_left_out(missing)))


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


def _left_out(missing: Sequence[Table]) -> Iterator[str]:
    for fix, are_marts in (("la-pipes init", False), ("la-pipes build", True)):
        names = [
            f"{table.schema}.{table.name}"
            for table in missing
            if (table.schema not in ("raw", "ml")) is are_marts
        ]
        if names:
            yield f"{', '.join(names)}: not there yet, run {fix}"


def _judged(judge: Judge, measured: Measured) -> TableOutcome:
    if measured.error:
        outcomes = [Outcome(COLUMNS_RULE, "error", message=measured.error)]
        validation = None
    else:
        validation = judge.judge(measured)
        held = {
            result.expectation_config.kwargs["column"]: bool(result.success)
            for result in validation.results
        }
        outcomes = [_outcome(rule, measured, held.get(rule.name)) for rule in measured.figures]
    table = measured.table
    return TableOutcome(
        table.schema, table.name, measured.rows, measured.seconds, tuple(outcomes), validation
    )


def _outcome(rule: Rule, measured: Measured, is_kept: bool | None) -> Outcome:
    """Return the outcome of a rule; None says that there was nothing to judge."""
    figure = measured.figures[rule]
    if is_kept is None or figure is None:
        return Outcome(rule, "skip")
    broken: Status = "warn" if rule.severity == "warning" else "fail"
    status: Status = "pass" if is_kept else broken
    if rule.query:
        return Outcome(rule, status, int(not is_kept), figure)
    failures = round(figure * measured.rows / 100) if rule.is_share else round(figure)
    examples = tuple(dict.fromkeys(measured.examples.get(rule, ())))
    return Outcome(rule, status, failures, figure, examples)
