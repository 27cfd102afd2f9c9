"""Great Expectations suites, made only from the contracts' rules."""

import re
from collections.abc import Iterator, Mapping

import great_expectations as gx
import great_expectations.expectations as gxe

from la_pipeline_failure_predict.contracts.rules import measure, outside
from la_pipeline_failure_predict.quality.expectations import (
    ExpectFigureToBeWithinBound,
    ExpectNoRowsToBreakRule,
)
from la_pipeline_failure_predict.tables import NONE, Bound, Rule, Table

COLUMNS_RULE = Rule(
    "columns",
    "sql",
    "error",
    "columns of the contract are missing: build the marts again, or add the columns to the table",
)

ROWS_RULE = "rows"
"""For the expectation that counts rows; any number works."""


def build_suite(table: Table, counted: Mapping[str, int]) -> gx.ExpectationSuite:
    """Return the suite of a table; each expectation's meta names its rule.

    Parameters
    ----------
    counted
        Broken rows of the rules that SQL cannot judge, by rule.
    """
    suite = gx.ExpectationSuite(name=f"{table.schema}.{table.name}")
    suite.add_expectation(gxe.ExpectTableRowCountToBeBetween(min_value=0, meta={"rule": ROWS_RULE}))
    for rule in checked_rules(table):
        suite.add_expectation(_expectation(table, rule, counted))
    return suite


def checked_rules(table: Table) -> Iterator[Rule]:
    """Yield the rules of a table: its columns, its key, then what the contract's rules say."""
    if table.columns:
        yield COLUMNS_RULE
    if table.key:
        names = ", ".join(table.key)
        yield Rule("key", "repeated", "error", f"{names} are repeated", columns=table.key)
    yield from table.rules


def _expectation(table: Table, rule: Rule, counted: Mapping[str, int]) -> gxe.Expectation:
    common = {
        "severity": "warning" if rule.severity == "warning" else "critical",
        "meta": {"rule": rule.name},
        "description": _described(rule),
    }
    if rule is COLUMNS_RULE:
        names = [column.name for column in table.columns]
        return gxe.ExpectTableColumnsToMatchSet(column_set=names, exact_match=False, **common)
    if rule.kind == "wkt":
        return _figure(f"select {counted.get(rule.name, 0)} from {{table}} limit 1", NONE, common)
    if rule.bound != NONE or rule.query:
        return _figure(measure(rule), rule.bound, common)
    if rule.kind == "required":
        return gxe.ExpectColumnValuesToNotBeNull(column=rule.column, **common)
    if rule.kind == "range" and not isinstance(rule.minimum or rule.maximum, str):
        return gxe.ExpectColumnValuesToBeBetween(
            column=rule.column, min_value=rule.minimum, max_value=rule.maximum, **common
        )
    if rule.kind == "pattern":
        return gxe.ExpectColumnValuesToMatchRegex(column=rule.column, regex=rule.pattern, **common)
    if rule.kind == "codes":
        return gxe.ExpectColumnValuesToBeInSet(
            column=rule.column, value_set=list(rule.codes), **common
        )
    if rule.kind == "length":
        return gxe.ExpectColumnValueLengthsToBeBetween(
            column=rule.column, max_value=rule.maximum, **common
        )
    return _rows(_broken_rows(table, rule), common)


def _described(rule: Rule) -> str:
    """Return what Data Docs say of a rule, whether it holds or not."""
    has_figure = rule.query or rule.bound != NONE
    bound = f"{rule.bound}{' % of the rows' if rule.is_share else ''}"
    return f"{rule.name}{f', {bound}' if has_figure else ''}; if not: {rule.reason}"


def _rows(query: str, common: Mapping[str, object]) -> gxe.Expectation:
    return ExpectNoRowsToBreakRule(unexpected_rows_query=_template(query), **common)


def _figure(query: str, bound: Bound, common: Mapping[str, object]) -> gxe.Expectation:
    measured = (
        f"select figure, {outside(bound)} as is_broken "
        f"from (select cast(({query}) as double precision) as figure) as measured"
    )
    return ExpectFigureToBeWithinBound(unexpected_rows_query=_template(measured), **common)


def _broken_rows(table: Table, rule: Rule) -> str:
    """Return a query of the rows of ``{table}`` that break the rule, the telling columns only."""
    if rule.kind == "repeated":
        keys = ", ".join(f'"{name}"' for name in rule.columns)
        return (
            f"select {keys}, count(*) as row_count from {{table}} "
            f"group by {keys} having count(*) > 1"
        )
    shown = ", ".join(f'"{name}"' for name in _telling_columns(table, rule)) or "*"
    return f"select {shown} from {{table}} where {rule.condition}"


def _telling_columns(table: Table, rule: Rule) -> list[str]:
    words = set(re.findall(r"\w+", rule.condition or ""))
    place = {"_source_file", "_row_number", *table.key}
    return [column.name for column in table.columns if column.name in words or column.name in place]


def _template(query: str) -> str:
    """Return a query as Great Expectations formats it: its own braces doubled, colons escaped."""
    escaped = re.sub(r"(?<![:\\]):(?=\w)", r"\\:", query)
    escaped = escaped.replace("{table}", "\0").replace("{", "{{").replace("}", "}}")
    return escaped.replace("\0", "{batch}")
