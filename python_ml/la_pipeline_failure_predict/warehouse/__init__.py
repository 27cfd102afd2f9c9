"""The only code that knows an engine: connect from dbt's profile, read and write Arrow."""

from la_pipeline_failure_predict.warehouse.base import Warehouse
from la_pipeline_failure_predict.warehouse.duckdb_engine import DuckDBScratch as Scratch
from la_pipeline_failure_predict.warehouse.open import (
    connect,
    one_writer,
    open_build,
    open_scratch,
)

__all__ = ["Scratch", "Warehouse", "connect", "one_writer", "open_build", "open_scratch"]
