"""The warehouse of the project: the target's, with the tables that the contracts declare."""

from collections.abc import Mapping
from functools import partial

from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.tables import Table
from la_pipeline_failure_predict.warehouse import Warehouse, connect


def open_warehouse(settings: Settings) -> Warehouse:
    """Open the target's warehouse to read it; nothing is created in it.

    Raises
    ------
    UserError
        If the profile or target is missing, the engine is not known, the database cannot be
        reached, refuses the password, or is locked by another process.
    """
    return connect(settings).declare(partial(_read_declared, settings))


def open_for_writing(settings: Settings) -> Warehouse:
    """Open the target's warehouse with its landing, model and score tables, created if missing.

    Raises
    ------
    UserError
        As `open_warehouse`; or if a table cannot be created.
    """
    warehouse = open_warehouse(settings)
    try:
        return warehouse.create_declared()
    except BaseException:
        warehouse.close()
        raise


def _read_declared(settings: Settings) -> Mapping[str, Table]:
    # Imported here, because it takes half a second that a command that only reads should not take.
    from la_pipeline_failure_predict.contracts.reader import read_tables

    return read_tables(settings.root)
