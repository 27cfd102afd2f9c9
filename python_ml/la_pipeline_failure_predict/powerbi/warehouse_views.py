"""The views that Power BI imports, as the warehouse has them."""

from collections.abc import Mapping

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi import SCHEMA
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.base import type_name

COLUMNS = """
    select table_name, column_name, data_type
    from information_schema.columns
    where table_catalog = current_database() and table_schema = $1
    order by table_name, ordinal_position
"""
# Types of the columns of each view, by their names.
Views = Mapping[str, Mapping[str, str]]


def read_view_types(warehouse: Warehouse, schema: str = SCHEMA) -> Views:
    """Return the columns of each view in order, with their types as the contracts name them.

    Parameters
    ----------
    schema
        Of the views: those for Power BI, or those for the portal.

    Raises
    ------
    UserError
        If there are no views.
    """
    views: dict[str, dict[str, str]] = {}
    for row in warehouse.query(COLUMNS, (schema,)).to_pylist():
        types = views.setdefault(row["table_name"], {})
        types[row["column_name"]] = type_name(row["data_type"])
    if not views:
        name = "Power BI" if schema == SCHEMA else schema
        raise UserError(f"There are no {name} views in this warehouse yet: run la-pipes run.")
    # Sorted here: engines sort names by their own rules.
    return dict(sorted(views.items()))
