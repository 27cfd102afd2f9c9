"""Lines about what dbt's tests have found."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from la_pipeline_failure_predict.dbt_runner import NodeResult


def describe_finding(node: NodeResult, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say what a test found: the figures out of bounds, a line each, else how many rows and where.

    Parameters
    ----------
    rows
        First of the rows that failed, of a test that keeps them.
    """
    if rows and "figure_value" in rows[0]:
        yield from map(_out_of_bounds, rows)
        if node.failures > len(rows):
            yield f"and {node.failures - len(rows)} more: select * from {node.kept_in}"
        return
    what = " ".join((node.description or node.message or node.name).split())
    where = f": select * from {node.kept_in}" if node.kept_in else ""
    yield f"{node.status} {node.name}: {what}{where}"


def _out_of_bounds(row: Mapping[str, Any]) -> str:
    """Say which plausibility figure is out of which bound, and what that means."""
    value, upper = row["figure_value"], row["upper_bound"]
    is_above = upper is not None and value > upper
    side, bound = ("above", upper) if is_above else ("below", row["lower_bound"])
    name = row["figure"].replace("_", " ")
    return f"{name} of {row['segment']} is {value:,.4g}, {side} {bound:,.4g}: {row['reason']}"
