"""`la-pipes doctor`: what is missing, and how to fix it."""

from collections.abc import Iterator
from dataclasses import dataclass

from la_pipeline_failure_predict.contracts.dbt_sources import sync_sources
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.project import open_warehouse
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.open import read_connection

# What must hold rows, in the order in which it is filled, and what fills it.
FILLED = (
    ("raw", "loads", "la-pipes load SOURCE FILE, or la-pipes demo"),
    ("core", "fct_breaks", "la-pipes build"),
    ("ml", "model_runs", "la-pipes train"),
    ("powerbi", "pipe_breaks", "la-pipes run"),
)
SCORES = ("pipe_scores", "area_month_scores")


@dataclass(frozen=True)
class Diagnosis:
    """One thing looked at; `what` may be a sentence that says the fix too."""

    what: str
    is_fine: bool
    fix: str = ""


def examine(settings: Settings) -> Iterator[Diagnosis]:
    """Look at project, profile, connection and tables; stops if the rest cannot work."""
    try:
        root = settings.root
        yield Diagnosis(f"project {root}", True)
        connection = read_connection(settings)
        yield Diagnosis(f"profile la_pipes, target {connection.target}", True)
        warehouse = open_warehouse(settings)
    except UserError as error:
        yield Diagnosis("project, profile and connection", False, str(error))
        return
    drifted = sync_sources(root, check=True)
    yield Diagnosis("dbt sources match the contracts", not drifted, "la-pipes contracts sync")
    with warehouse:
        yield Diagnosis(warehouse.label, True)
        missing = [
            table.name
            for table in warehouse.declared.values()
            if not warehouse.has_table(table.schema, table.name)
        ]
        yield Diagnosis("landing, model and score tables", not missing, "la-pipes init")
        for schema, name, fix in FILLED:
            yield Diagnosis(f"rows in {schema}.{name}", _has_rows(warehouse, schema, name), fix)
        scored = any(_has_rows(warehouse, "ml", name) for name in SCORES)
        yield Diagnosis("scores", scored, "la-pipes score")


def _has_rows(warehouse: Warehouse, schema: str, name: str) -> bool:
    if not warehouse.has_table(schema, name):
        return False
    return bool(warehouse.scalar(f"select count(*) from {schema}.{name}"))
