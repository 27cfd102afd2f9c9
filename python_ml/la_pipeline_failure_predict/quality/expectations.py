"""Two expectations that Great Expectations lacks: a rule of rows, and a figure within a bound."""

from typing import ClassVar

from great_expectations.execution_engine import ExecutionEngine
from great_expectations.expectations.core import UnexpectedRowsExpectation

SHOWN_ROWS = 5


class ExpectNoRowsToBreakRule(UnexpectedRowsExpectation):
    """No row is returned by the query; the first few are kept as examples."""

    def _validate(
        self,
        metrics: dict,
        runtime_configuration: dict | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict:
        rows = metrics["unexpected_rows_query.table"][:SHOWN_ROWS]
        count = metrics["unexpected_rows_query.row_count"]
        return {
            "success": count == 0,
            "result": {"observed_value": count, "details": {"unexpected_rows": rows}},
        }


class ExpectFigureToBeWithinBound(UnexpectedRowsExpectation):
    """The one row of the query, `figure` and `is_broken`, does not say that it is broken."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.table",)

    def _validate(
        self,
        metrics: dict,
        runtime_configuration: dict | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict:
        (row,) = metrics["unexpected_rows_query.table"]
        return {
            "success": not row["is_broken"],
            "result": {"observed_value": row["figure"]},
        }
