"""How fast each view of the schema `powerbi` can be imported."""

import time
from dataclasses import dataclass

from la_pipeline_failure_predict.powerbi import SCHEMA
from la_pipeline_failure_predict.powerbi.export import View, read_views
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.base import quote


@dataclass(frozen=True)
class Imported:
    """A view read to its end: rows, and seconds from the query to the last row."""

    view: str
    rows: int
    seconds: float

    @property
    def rows_a_second(self) -> float:
        """Rows read a second."""
        return self.rows / self.seconds


def import_rates(warehouse: Warehouse, rounds: int = 3) -> list[Imported]:
    """Read every view as Power BI's import does, all columns and rows in no order: the best round.

    What Power BI itself does with the rows is not in the figure.
    """
    return [
        min((_read(warehouse, view) for _ in range(rounds)), key=lambda once: once.seconds)
        for view in read_views(warehouse)
    ]


def _read(warehouse: Warehouse, view: View) -> Imported:
    columns = ", ".join(quote(name) for name in view.schema.names)
    start = time.perf_counter()
    batches = warehouse.stream(f"select {columns} from {SCHEMA}.{quote(view.name)}")
    rows = sum(batch.num_rows for batch in batches)
    return Imported(view.name, rows, time.perf_counter() - start)
