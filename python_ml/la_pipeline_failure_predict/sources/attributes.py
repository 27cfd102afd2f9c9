"""Land the attributes that a mapping names: one row per main that has a value."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

from la_pipeline_failure_predict.sources.landing import (
    Landed,
    column_rules,
    land,
    present_rule,
    source_text,
)
from la_pipeline_failure_predict.sources.mapping import AttributeRule, ColumnRule, SourceMapping
from la_pipeline_failure_predict.sources.reading import headers
from la_pipeline_failure_predict.sources.row_checks import holds_text
from la_pipeline_failure_predict.sources.shape_texts import find_shapes
from la_pipeline_failure_predict.tables import Table
from la_pipeline_failure_predict.warehouse import Scratch
from la_pipeline_failure_predict.warehouse.base import sql_text

ATTRIBUTES_TABLE = "pipe_attributes"
UNDATED = "undated"
"""Stands where a day is missing: it is none, so the row is set aside."""


@dataclass(frozen=True)
class LandedAttribute:
    """An attribute of a delivery, a load of its own.

    Attributes
    ----------
    mapping
        How its rows are read when those set aside are tried again.
    """

    name: str
    landed: Landed
    mapping: SourceMapping


def land_attributes(
    scratch: Scratch, tables: Mapping[str, Table], delivered: str, mapping: SourceMapping
) -> list[LandedAttribute]:
    """Land each attribute of a delivery of mains.

    Parameters
    ----------
    tables
        The declared tables, by name.
    delivered
        Scratch table of the delivery's text.

    Raises
    ------
    UserError
        If the mapping names a header that is not there.
    """
    if not mapping.attributes:
        return []
    present = headers(scratch, delivered)
    shapes = find_shapes(scratch, delivered, tables["pipes"], present, mapping)
    pipe_id = column_rules(tables["pipes"], present, mapping, shapes)["pipe_id"]
    found = []
    for name, rule in mapping.attributes.items():
        columns = {"pipe_id": source_text(pipe_id, mapping), "attribute": sql_text(name)}
        columns |= _values(name, rule, mapping, present)
        listed = ", ".join(f"cast({sql} as text) as {column}" for column, sql in columns.items())
        cells = f"attribute_{name}"
        scratch.execute(
            f"create or replace table {cells} as select _row_number, {listed} "
            f"from {delivered} as delivered where {holds_text(columns[rule.type])}"
        )
        read_as = _read_as(rule, mapping)
        # Scratch tables have the table's name, and each attribute needs its own.
        table = replace(tables[ATTRIBUTES_TABLE], name=cells)
        found.append(LandedAttribute(name, land(scratch, table, cells, read_as), read_as))
    return found


def _values(
    name: str, rule: AttributeRule, mapping: SourceMapping, present: list[str]
) -> dict[str, str]:
    """Return SQL of the text of the value, of the one before, of the unit and of the day."""
    text = source_text(present_rule(name, rule.value, present), mapping)
    return {
        rule.type: text,
        f"{rule.type}_before": "null" if rule.before is None else sql_text(rule.before),
        "unit": "null" if rule.unit is None else sql_text(rule.unit),
        "valid_from": _day(name, rule, text, mapping, present),
    }


def _day(
    name: str, rule: AttributeRule, text: str, mapping: SourceMapping, present: list[str]
) -> str:
    if rule.as_of is None:
        return "null"
    if isinstance(rule.as_of, dt.date):
        return sql_text(rule.as_of.isoformat())
    day = source_text(present_rule(f"as_of of {name}", rule.as_of, present), mapping)
    # Main by main, a value without its day would tell what happens later; what held before may not.
    may_be_undated = "false" if rule.before is None else f"{text} = {sql_text(rule.before)}"
    return (
        f"case when {holds_text(day)} then {day} when {may_be_undated} then null "
        f"else {sql_text(UNDATED)} end"
    )


def _read_as(rule: AttributeRule, mapping: SourceMapping) -> SourceMapping:
    day = ColumnRule.model_validate("valid_from")
    if isinstance(rule.as_of, ColumnRule):
        day = day.model_copy(update={"formats": rule.as_of.formats, "pivot": rule.as_of.pivot})
    columns = {"valid_from": day}
    return SourceMapping(
        columns=columns,
        decimal=mapping.decimal,
        thousands=mapping.thousands,
        identifiers=mapping.identifiers,
    )
