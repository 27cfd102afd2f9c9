"""Read the contracts (Open Data Contract Standard v3) into tables and columns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from open_data_contract_standard.model import (
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)

from la_pipeline_failure_predict.contracts.rules import column_rules, table_rules
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.tables import Column, Reference, Spellings, Table

CONTRACT_FILES = (
    "data_schema.yaml",
    "model_schema.yaml",
    "risk_score_schema.yaml",
    "quality_schema.yaml",
)
# Of marts: generated from dbt's manifest, so that dbt writes the tables and Python only reads them.
MART_CONTRACT_FILES = ("powerbi_export_schema.yaml",)


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
    shared = _custom(contract, "landingColumns")
    landing = [
        SchemaProperty.model_validate(item) for item in (shared if isinstance(shared, list) else ())
    ]
    tables = (_table(root, declared, schema, landing) for declared in contract.schema_ or [])
    return [replace(table, late_after_days=_late_after_days(contract, table)) for table in tables]


def _late_after_days(contract: OpenDataContractStandard, table: Table) -> int | None:
    """Return the latency of a landing table: its own, else that of the contract."""
    promised = {
        str(item.element or "").partition(".")[0]: int(str(item.value))
        for item in contract.slaProperties or []
        if item.property == "latency"
    }
    return promised.get(table.name, promised.get("")) if table.is_landing else None


def _table(
    root: Path, declared: SchemaObject, schema: str, landing: Sequence[SchemaProperty]
) -> Table:
    """Return a table of a schema; one that deliveries are loaded into has the landing columns."""
    properties = [*(declared.properties or []), *(landing if _custom(declared, "landing") else ())]
    return Table(
        name=str(declared.name),
        schema=schema,
        provider=str(_custom(declared, "provider") or ""),
        description=str(declared.description),
        columns=tuple(_column(root, declared_column) for declared_column in properties),
        rules=(
            *(rule for declared_column in properties for rule in column_rules(declared_column)),
            *table_rules(declared),
        ),
    )


def _column(root: Path, declared: SchemaProperty) -> Column:
    unit = _custom(declared, "unit")
    aliases = _custom(declared, "aliases")
    spellings = _custom(declared, "spellings")
    references = _custom(declared, "references")
    derived_from = _custom(declared, "derivedFrom")
    return Column(
        name=str(declared.name),
        sql_type=str(declared.physicalType),
        description=str(declared.description),
        required=bool(declared.required),
        key_position=int(declared.primaryKeyPosition or 0) if declared.primaryKey else 0,
        unit=None if unit is None else str(unit),
        aliases=tuple(str(alias) for alias in aliases) if isinstance(aliases, list) else (),
        spellings=(
            Spellings(root / "seeds" / f"{spellings['seed']}.csv", str(spellings["otherwise"]))
            if isinstance(spellings, dict)
            else None
        ),
        references=Reference(*str(references).split(".")) if references else None,
        derived_from=tuple(map(str, derived_from)) if isinstance(derived_from, list) else (),
    )


def _custom(
    declared: OpenDataContractStandard | SchemaObject | SchemaProperty, name: str
) -> object:
    for item in declared.customProperties or []:
        if item.property == name:
            return item.value
    return None
