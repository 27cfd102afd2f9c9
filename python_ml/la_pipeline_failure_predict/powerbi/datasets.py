"""Queries for people who write SQL in Power BI instead of choosing tables, named as in the model.

They run on DuckDB and on Postgres, and end without a semicolon or a comment, because Power Query
puts what is pasted between brackets.
"""

import textwrap
from collections.abc import Iterator

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi import MADE_BY, SCHEMA
from la_pipeline_failure_predict.powerbi.model import Column, SemanticModel, Table
from la_pipeline_failure_predict.warehouse.base import quote

VIEWS = ("pipe_breaks", "climate_monthly", "joined_risk_view")
# Postgres cuts longer names off.
NAME_BYTES = 63
WIDTH = 100


def render_datasets(model: SemanticModel) -> dict[str, str]:
    """Return the query of each of the views `VIEWS`, by file name.

    Raises
    ------
    UserError
        If the model lacks one of the views, or a name is too long for Postgres.
    """
    tables = {table.view: table for table in model.tables}
    for view in VIEWS:
        if view not in tables:
            raise UserError(
                f"No table of the Power BI model is imported from {SCHEMA}.{view}, which the file "
                f"{view}.sql is to read: bring the view back, or take it out of datasets.py."
            )
    return {f"{view}.sql": render_dataset(tables[view]) for view in VIEWS}


def render_dataset(table: Table) -> str:
    """Return a query of the view of a table, whose columns have the names of the model.

    Raises
    ------
    UserError
        If a name is too long for Postgres.
    """
    columns = ",\n".join(_select(table, column) for column in table.columns)
    lines = [
        *_comment(f"{table.name}: {table.description}"),
        f"-- {MADE_BY}",
        f"select\n{columns}",
        f"from {SCHEMA}.{table.view}",
    ]
    return "\n".join(lines) + "\n"


def _select(table: Table, column: Column) -> str:
    if len(column.name.encode()) > NAME_BYTES:
        raise UserError(
            f"The Power BI name {column.name!r} of {table.view}.{column.source} is longer than "
            f"{NAME_BYTES} bytes, more than Postgres keeps: choose a shorter one."
        )
    comment = "".join(f"    {line}\n" for line in _comment(column.description))
    return f"{comment}    {quote(column.source)} as {quote(column.name)}"


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(text, WIDTH - len("    -- ")):
        yield f"-- {line}"
