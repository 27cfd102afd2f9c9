"""A linter of the Power BI files: what no other tool catches, and what Microsoft recommends.

It reads the files, not what they are made from, so that a change made in Power BI Desktop is judged
as well; and the rows that they import, on the engine that holds them.
"""

from la_pipeline_failure_predict.powerbi.lint.project_lint import lint_project
from la_pipeline_failure_predict.powerbi.lint.rules import Spot, Violation, Waiver
from la_pipeline_failure_predict.powerbi.lint.waivers import LEFT_OUT, WAIVERS
from la_pipeline_failure_predict.powerbi.lint.warehouse_columns import check_columns
from la_pipeline_failure_predict.powerbi.lint.warehouse_rows import lint_data

__all__ = [
    "LEFT_OUT",
    "WAIVERS",
    "Spot",
    "Violation",
    "Waiver",
    "check_columns",
    "lint_data",
    "lint_project",
]
