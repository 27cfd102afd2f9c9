"""Rules from the mart of plausibility figures: one per figure and severity."""

from la_pipeline_failure_predict.tables import Rule, Severity, Table
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.base import sql_text

SCHEMA, NAME = "quality", "fct_plausibility"


def read_figures(warehouse: Warehouse) -> list[Table]:
    """Return the mart as a table whose rules are its figures; without the mart, without rules."""
    rules: list[Rule] = []
    if warehouse.has_table(SCHEMA, NAME):
        rows = warehouse.query(
            f"select figure, severity, min(reason) as reason from {SCHEMA}.{NAME} "
            "group by figure, severity order by figure, severity"
        )
        rules = [_rule(row["figure"], row["severity"], row["reason"]) for row in rows.to_pylist()]
    return [Table(NAME, SCHEMA, "quality", "Plausibility figures.", (), tuple(rules))]


def _rule(figure: str, severity: Severity, reason: str) -> Rule:
    return Rule(
        name=figure if severity == "error" else f"{figure}_{severity}",
        kind="row",
        severity=severity,
        reason=reason,
        condition=(
            f"figure = {sql_text(figure)} and severity = {sql_text(severity)} and not is_within"
        ),
    )
