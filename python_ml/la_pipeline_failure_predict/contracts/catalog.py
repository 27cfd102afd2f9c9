"""Read the contracts (Open Data Contract Standard v3) into tables and columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from open_data_contract_standard.model import (
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)

from la_pipeline_failure_predict.contracts.rules import Rule, column_rules, table_rules
from la_pipeline_failure_predict.errors import UserError

CONTRACT_FILES = (
    "data_schema.yaml",
    "model_schema.yaml",
    "risk_score_schema.yaml",
    "quality_schema.yaml",
)
# Of marts: generated from dbt's manifest, so that dbt writes the tables and Python only reads them.
MART_CONTRACT_FILES = ("powerbi_export_schema.yaml",)


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    sql_type
        ANSI name of the type, the same on every engine, such as ``double precision``.
    unit
        Unit of the values, in words that pint reads; None for a plain number or text.
    aliases
        Other headers that deliveries use for the column.
    """

    name: str
    sql_type: str
    description: str
    required: bool = False
    key_position: int = 0
    unit: str | None = None
    aliases: tuple[str, ...] = ()

    @property
    def is_lineage(self) -> bool:
        """Whether the loader writes the column, rather than the delivery."""
        return self.name.startswith("_")


@dataclass(frozen=True)
class Table:
    """One table that Python writes and dbt reads as a source.

    Attributes
    ----------
    rules
        What its rows must hold, column by column, then across columns and rows.
    """

    name: str
    schema: str
    provider: str
    description: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()

    @cached_property
    def delivered(self) -> tuple[Column, ...]:
        """Columns that come from the delivery."""
        return tuple(column for column in self.columns if not column.is_lineage)

    def column(self, name: str) -> Column:
        """Return a column by name."""
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Names of the primary-key columns, in order."""
        keyed = [column for column in self.columns if column.key_position]
        return tuple(c.name for c in sorted(keyed, key=lambda column: column.key_position))

    @cached_property
    def is_landing(self) -> bool:
        """Whether deliveries are loaded into it."""
        return any(column.is_lineage for column in self.columns)


@lru_cache
def read_tables(root: Path) -> Mapping[str, Table]:
    """Read every contract of the project, as a mapping from table name to table.

    Raises
    ------
    UserError
        If a table does not say who provides it, and so which dbt source it belongs to.
    """
    tables = {table.name: table for name in CONTRACT_FILES for table in read_contract(root, name)}
    for table in tables.values():
        if not table.provider:
            raise UserError(
                f"The contract of the table {table.name} has no custom property provider: give it "
                "one under customProperties."
            )
    return tables


def read_checked_tables(root: Path) -> list[Table]:
    """Read the contracts of everything that is checked: what Python writes, then what BI reads."""
    files = (name for name in MART_CONTRACT_FILES if (root / "schemas" / name).is_file())
    marts = [table for name in files for table in read_contract(root, name)]
    return [*read_tables(root).values(), *marts]


def read_contract(root: Path, file_name: str) -> list[Table]:
    """Read the tables of one contract in the folder ``schemas``."""
    contract = OpenDataContractStandard.from_file(str(root / "schemas" / file_name))
    servers = contract.servers or []
    schema = str(servers[0].schema_) if servers else ""
    return [_table(declared, schema) for declared in contract.schema_ or []]


def _table(declared: SchemaObject, schema: str) -> Table:
    """Return a table; it is in the schema it names itself, else in its contract's."""
    return Table(
        name=str(declared.name),
        schema=str(_custom(declared, "schema") or schema),
        provider=str(_custom(declared, "provider") or ""),
        description=str(declared.description),
        columns=tuple(_column(item) for item in declared.properties or []),
        rules=tuple(_rules(declared)),
    )


def _rules(declared: SchemaObject) -> Iterator[Rule]:
    for column in declared.properties or []:
        yield from column_rules(column)
    yield from table_rules(declared)


def _column(declared: SchemaProperty) -> Column:
    unit = _custom(declared, "unit")
    aliases = _custom(declared, "aliases")
    return Column(
        name=str(declared.name),
        sql_type=str(declared.physicalType),
        description=str(declared.description),
        required=bool(declared.required),
        key_position=int(declared.primaryKeyPosition or 0) if declared.primaryKey else 0,
        unit=None if unit is None else str(unit),
        aliases=tuple(str(alias) for alias in aliases) if isinstance(aliases, list) else (),
    )


def _custom(declared: SchemaObject | SchemaProperty, name: str) -> object:
    for item in declared.customProperties or []:
        if item.property == name:
            return item.value
    return None
