"""Write the contracts of the tables that others read, from what dbt declares of their models.

A contract promises only what the build proves: types that dbt enforces, and tests that fail the
build. So to change a promise, change the model's YAML; the contract follows.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from la_pipeline_failure_predict.contracts.generated import to_yaml, write_drifted
from la_pipeline_failure_predict.dbt_manifest import GenericTest, Model, read_models
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings

API_VERSION = "v3.2.0"
SERVERS_FROM = "data_schema.yaml"
LOGICAL_TYPES = {
    "text": "string",
    "integer": "integer",
    "bigint": "integer",
    "double precision": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}
# The house style puts the unit in the name; `meta: {unit: ...}` in the model's YAML wins.
UNITS_BY_ENDING = {
    "_mm": "mm",
    "_m": "m",
    "_km": "km",
    "_km2": "km**2",
    "_miles": "mile",
    "_in": "inch",
    "_c": "degC",
    "_ohm_cm": "ohm*cm",
    "_usd": "USD",
    "_years": "year",
    "_months": "month",
    "longitude": "degree",
    "latitude": "degree",
}


@dataclass(frozen=True)
class ConsumerContract:
    """A contract to generate: one warehouse schema, for one kind of reader."""

    file_name: str
    schema: str
    identifier: str
    name: str
    purpose: str


CONSUMER_CONTRACTS = (
    ConsumerContract(
        "features_schema.yaml",
        "features",
        "la-pipes-features",
        "Feature tables",
        "What was known of each main or area at a date, and the breaks after it; read by training.",
    ),
    ConsumerContract(
        "powerbi_export_schema.yaml",
        "powerbi",
        "la-pipes-powerbi-export",
        "Power BI export",
        "The views that Power BI imports; nothing else is promised to reports.",
    ),
)


def sync_consumer_contracts(settings: Settings, check: bool = False) -> list[Path]:
    """Write the contracts that differ and return their paths; with `check`, write nothing.

    Raises
    ------
    UserError
        If dbt cannot parse the project, or a column has a type that the contracts do not know.
    """
    return write_drifted(settings.root, render_consumer_contracts(settings), check)


def render_consumer_contracts(settings: Settings) -> dict[Path, str]:
    """Return the text of each contract, by path relative to the project folder."""
    models = read_models(settings)
    return {
        Path("schemas") / contract.file_name: _header(contract)
        + to_yaml(_contract(contract, models, settings.root))
        for contract in CONSUMER_CONTRACTS
    }


def _header(contract: ConsumerContract) -> str:
    return (
        f"# Generated from models/marts/{contract.schema} by `la-pipes contracts sync`; change it "
        "there.\n"
    )


def _contract(contract: ConsumerContract, models: Iterable[Model], root: Path) -> dict[str, object]:
    project = yaml.safe_load((root / "dbt_project.yml").read_text(encoding="utf-8"))
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": contract.identifier,
        "name": contract.name,
        "version": str(project["version"]),
        "status": "active",
        "domain": "water-distribution",
        "description": {"purpose": contract.purpose},
        "servers": _servers(root, contract.schema),
        "schema": [_table(model) for model in models if model.schema == contract.schema],
    }


def _servers(root: Path, schema: str) -> list[dict[str, object]]:
    """Return where the tables of a schema are: on the servers of the landing tables."""
    written = yaml.safe_load((root / "schemas" / SERVERS_FROM).read_text(encoding="utf-8"))
    return [server | {"schema": schema} for server in written["servers"]]


def _table(model: Model) -> dict[str, object]:
    required = _required(model)
    grain = _grain(model)
    key = grain if all(column in required for column in grain) else ()
    table: dict[str, object] = {
        "name": model.relation,
        "physicalName": model.relation,
        "physicalType": "view" if model.materialized == "view" else "table",
        "description": model.description,
    }
    if grain and not key:
        table["quality"] = [_grain_quality(grain)]
    table["customProperties"] = _custom({"dbtModel": model.name, "owner": model.owner})
    table["properties"] = [
        _property(column, model, column["name"] in required, key) for column in model.columns
    ]
    return table


def _property(
    column: Mapping[str, Any], model: Model, required: bool, key: tuple[str, ...]
) -> dict[str, object]:
    name, sql_type = column["name"], column["data_type"]
    if sql_type not in LOGICAL_TYPES:
        raise UserError(
            f"{model.name}.{name} has the data_type {sql_type!r}: use one of "
            f"{', '.join(LOGICAL_TYPES)} in its YAML."
        )
    entry: dict[str, object] = {
        "name": name,
        "logicalType": LOGICAL_TYPES[sql_type],
        "physicalType": sql_type,
        "description": " ".join(column["description"].split()),
    }
    if required:
        entry["required"] = True
    if key != (name,) and any(test.name == "unique" for test in _tests_of(model, name)):
        entry["unique"] = True
    if name in key:
        entry |= {"primaryKey": True, "primaryKeyPosition": key.index(name) + 1}
    if options := _limits(_tests_of(model, name)):
        entry["logicalTypeOptions"] = options
    if quality := list(_codes(name, _tests_of(model, name))):
        entry["quality"] = quality
    if unit := unit_of(column):
        entry["customProperties"] = _custom({"unit": unit})
    return entry


def _tests_of(model: Model, column: str | None) -> list[GenericTest]:
    return [test for test in model.tests if test.column == column and test.is_binding]


def _required(model: Model) -> set[str]:
    """Return the columns that are never null; dbt enforces the constraint in tables alone."""
    tested = {
        str(test.column) for test in model.tests if test.name == "not_null" and test.is_binding
    }
    constrained = {
        column["name"]
        for column in model.columns
        if model.materialized != "view"
        and any(constraint["type"] == "not_null" for constraint in column["constraints"])
    }
    return tested | constrained


def _grain(model: Model) -> tuple[str, ...]:
    """Return the columns that one row stands for, as the first grain test of the model says."""
    for test in _tests_of(model, None):
        if test.name == "unique_together":
            return tuple(test.arguments["columns"])
    for column in model.columns:
        if any(test.name == "unique" for test in _tests_of(model, column["name"])):
            return (column["name"],)
    return ()


def _grain_quality(grain: tuple[str, ...]) -> dict[str, object]:
    return {
        "name": "grain",
        "type": "library",
        "metric": "duplicateValues",
        "description": f"One row for each {', '.join(grain)}.",
        "arguments": {"properties": list(grain)},
        "mustBe": 0,
        "severity": "error",
    }


def _limits(tests: Iterable[GenericTest]) -> dict[str, object]:
    return {
        limit: test.arguments[limit]
        for test in tests
        if test.name == "in_range"
        for limit in ("minimum", "maximum")
        if test.arguments.get(limit) is not None
    }


def _codes(name: str, tests: Iterable[GenericTest]) -> Iterator[dict[str, object]]:
    for test in tests:
        if test.name == "accepted_values":
            yield {
                "name": f"{name}_codes",
                "type": "library",
                "metric": "invalidValues",
                "description": f"{name} is one of its codes.",
                "arguments": {"validValues": list(test.arguments["values"])},
                "mustBe": 0,
                "severity": "error",
            }


def unit_of(column: Mapping[str, Any]) -> str | None:
    """Return the unit of a column of numbers, None where it has none."""
    declared = column["config"].get("meta", {}).get("unit")
    if declared or LOGICAL_TYPES[column["data_type"]] not in ("number", "integer"):
        return declared
    endings = sorted(UNITS_BY_ENDING, key=len, reverse=True)
    return next((UNITS_BY_ENDING[e] for e in endings if column["name"].endswith(e)), None)


def _custom(properties: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"property": name, "value": value} for name, value in properties.items() if value]
