"""Attributes of the mains that mappings name: rows of ``fct_pipe_attributes``, read as columns."""

from collections.abc import Iterable
from dataclasses import dataclass

from la_pipeline_failure_predict.warehouse.base import Warehouse, quote, sql_text

PREFIX = "attribute:"
SCHEMA, TABLE = "features", "fct_pipe_attributes"
# Comparisons, which engines can hash; `or` would compare each main with each.
ALWAYS, NEVER = "date '0001-01-01'", "date '9999-12-31'"
UNKNOWN = "unknown"
"""Level of a category where a main has no value."""


@dataclass(frozen=True)
class Attribute:
    """An attribute in the warehouse.

    Attributes
    ----------
    least
        Smallest value; None of a category.
    """

    name: str
    least: float | None

    @property
    def feature(self) -> str:
        """Name of its feature."""
        return PREFIX + self.name


def read_attributes(warehouse: Warehouse) -> list[Attribute]:
    """Return the attributes that the warehouse holds, by name."""
    if not warehouse.has_table(SCHEMA, TABLE):
        return []
    rows = warehouse.query(
        f"select attribute as name, min(number) as least from {SCHEMA}.{TABLE} group by attribute"
    )
    return sorted((Attribute(**row) for row in rows.to_pylist()), key=lambda item: item.name)


def with_attributes(
    mart: str, entity: str, period: str, columns: Iterable[str], levels: Iterable[str]
) -> str:
    """Return SQL of a mart's rows with a column for each attribute among some columns.

    Parameters
    ----------
    mart, entity, period
        Quoted name of the mart, and the columns of its grain.
    levels
        Columns that are read as levels; a main without a value has the level `UNKNOWN`.
    """
    names = [name for name in dict.fromkeys(columns) if name.startswith(PREFIX)]
    if not names:
        return mart
    listed, joins = ["mart.*"], []
    for position, name in enumerate(names):
        held = f"attribute_{position}"
        value = f"{held}.number"
        if name in set(levels):
            value = f"coalesce({held}.category, {sql_text(UNKNOWN)})"
        listed.append(f"{value} as {quote(name)}")
        joins.append(
            f"left join {SCHEMA}.{TABLE} as {held} on {held}.{quote(entity)} = mart.{quote(entity)}"
            f" and {held}.attribute = {sql_text(name.removeprefix(PREFIX))}"
            f" and coalesce({held}.valid_from, {ALWAYS}) <= mart.{quote(period)}"
            f" and coalesce({held}.valid_until, {NEVER}) > mart.{quote(period)}"
        )
    return f"(select {', '.join(listed)} from {mart} as mart {' '.join(joins)}) as mart"
