"""Keep what checks found in the warehouse, beside the results of dbt's tests."""

import uuid
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from la_pipeline_failure_predict.project import open_for_writing
from la_pipeline_failure_predict.quality.findings import Findings
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse.base import full_name

KEPT_DAYS = 90


def record(settings: Settings, findings: Findings) -> None:
    """Append the outcomes to ``quality.check_results``, and drop those of over 90 days ago."""
    now = datetime.now(UTC).replace(tzinfo=None)
    invocation = str(uuid.uuid4())
    rows = [
        {
            "checked_by": "check",
            "invocation_id": invocation,
            "check_name": f"{checked.full_name}.{outcome.rule.name}",
            "table_schema": checked.schema,
            "table_name": checked.name,
            "rule": outcome.rule.name,
            "severity": outcome.rule.severity,
            # Without rows no rule is broken: what an earlier check found there is over.
            "status": "pass" if outcome.status == "skip" else outcome.status,
            "failures": outcome.failures,
            "row_count": checked.rows,
            "message": None if outcome.status in ("pass", "skip") else outcome.explanation,
            "checked_at": now,
        }
        for checked in findings.tables
        for outcome in checked.outcomes
    ]
    if not rows:
        return
    with open_for_writing(settings) as warehouse, warehouse.transaction():
        table = warehouse.table("check_results")
        warehouse.execute(
            f"delete from {full_name(table)} where checked_at < $1",
            (now - timedelta(days=KEPT_DAYS),),
        )
        warehouse.append(table, pa.Table.from_pylist(rows).to_reader())
