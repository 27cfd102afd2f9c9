"""Check that the warehouse's views have the columns that the model imports."""

from collections.abc import Iterator

from la_pipeline_failure_predict.powerbi import SCHEMA
from la_pipeline_failure_predict.powerbi.column_defaults import TYPES
from la_pipeline_failure_predict.powerbi.lint.rules import Spot, Violation
from la_pipeline_failure_predict.powerbi.model import Column, SemanticModel, Table
from la_pipeline_failure_predict.powerbi.names import written, written_table
from la_pipeline_failure_predict.powerbi.warehouse_views import Views, read_view_types
from la_pipeline_failure_predict.warehouse import Warehouse


def check_columns(warehouse: Warehouse, model: SemanticModel) -> list[Violation]:
    """Return where the warehouse lacks what the model imports, has it in another type, or has more.

    Raises
    ------
    UserError
        If the warehouse has no views for Power BI yet.
    """
    views = read_view_types(warehouse)
    return [fault for table in model.tables for fault in _faults(table, views)]


def spot_of(table: Table, column: Column | None = None) -> Spot:
    """Return the place of a view that a table or column is read from."""
    thing = written(table.name, column.name) if column else written_table(table.name)
    return Spot(f"{SCHEMA}.{table.view}", thing)


def _faults(table: Table, views: Views) -> Iterator[Violation]:
    types = views.get(table.view)
    if types is None:
        yield _error(spot_of(table), "VIEW_MISSING", "has no view in the warehouse: run dbt build")
        return
    for column in table.columns:
        found = types.get(column.source)
        if found is None:
            yield _error(
                spot_of(table, column),
                "SOURCE_COLUMN_MISSING",
                f"is read from {column.source}, which the view lacks: run dbt build and la-pipes "
                "powerbi build",
            )
        elif TYPES.get(found) != column.data_type:
            yield _error(
                spot_of(table, column),
                "SOURCE_COLUMN_TYPE",
                f"is {column.data_type}, and {found} in the view: run la-pipes powerbi build",
            )
    known = {column.source for column in table.columns}
    for name in sorted(types.keys() - known):
        place = Spot(spot_of(table).file, f"The column {name}")
        text = f"is not in {written_table(table.name)}: run la-pipes powerbi build"
        yield Violation(place, "COLUMN_LEFT_OUT", f"{place.thing} {text}.", is_error=False)


def _error(place: Spot, rule: str, text: str) -> Violation:
    return Violation(place, rule, f"{place.thing} {text}.", is_error=True)
