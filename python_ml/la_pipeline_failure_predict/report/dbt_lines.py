"""Lines about what dbt's tests have found."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from la_pipeline_failure_predict.dbt_runner import NodeResult


def describe_finding(node: NodeResult, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say what a test found: the figures out of bounds, a line each, else what and where.

    Parameters
    ----------
    rows
        First of the rows that failed, of a test that keeps them.
    """
    if rows and "figure_value" in rows[0]:
        lines: Iterable[str] = map(_out_of_bounds, rows)
    elif rows and {"rule", "figure", "row_count"} <= set(rows[0]):
        lines = (_broken_rule(node, row) for row in rows)
    else:
        what = " ".join((node.description or node.message or node.name).split())
        where = f": select * from {node.kept_in}" if node.kept_in else ""
        yield f"{_mark(node)} {node.name}: {what}{where}"
        return
    for line in lines:
        yield f"{_mark(node)} {line}"
    if node.failures > len(rows):
        yield f"and {node.failures - len(rows)} more: select * from {node.kept_in}"


def _mark(node: NodeResult) -> str:
    return "WARN" if node.status == "warn" else "FAIL"


def _out_of_bounds(row: Mapping[str, Any]) -> str:
    """Say which plausibility figure is out of which bound, and what that means."""
    figure, value, upper = row["figure"], row["figure_value"], row["upper_bound"]
    is_above = upper is not None and value > upper
    side, bound = ("above", upper) if is_above else ("below", row["lower_bound"])
    name, unit = figure.replace("_", " "), ""
    for ending, written in (("_mm", " mm"), ("_m", " m")):
        if figure.endswith(ending):
            name, unit = figure.removesuffix(ending).replace("_", " "), written
            break
    if figure.endswith("_share"):
        value, bound, unit = 100 * value, 100 * bound, " %"
    of = "" if row["segment"] == "all" else f" of {row['segment']}"
    return f"{name}{of} is {value:,.4g}{unit}, {side} {bound:,.4g}{unit}: {row['reason']}"


def _broken_rule(node: NodeResult, row: Mapping[str, Any]) -> str:
    """Say which rule of a contract a table breaks, and by which figure."""
    rule = row["rule"].replace("_", " ")
    return f"{node.name}: {rule} is {row['figure']:,.4g} over {row['row_count']:,} rows"
