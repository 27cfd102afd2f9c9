"""dbt's catalog: the columns that the warehouse really has, as dbt docs found them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi import SCHEMA
from la_pipeline_failure_predict.powerbi.specification import Specification
from la_pipeline_failure_predict.warehouse.base import type_name

STALE = "run dbt build and dbt docs generate again"


def read_catalog(file: Path) -> Mapping[str, Any]:
    """Read a catalog.json.

    Raises
    ------
    UserError
        If the file is missing or not one.
    """
    try:
        nodes: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))["nodes"]
        if any("metadata" not in node or "columns" not in node for node in nodes.values()):
            raise ValueError("a node without its columns")
    except OSError:
        raise UserError(f"There is no catalog {file}: write it with dbt docs generate.") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UserError(f"{file} is not a dbt catalog: {STALE}.") from None
    return nodes


def check_catalog(specification: Specification, nodes: Mapping[str, Any]) -> None:
    """Check that the warehouse has the columns that the views declare.

    Raises
    ------
    UserError
        If a view or column is missing, or has another type: the catalog or the warehouse is older
        than the project.
    """
    found = {
        item["metadata"]["name"]: item["columns"]
        for item in nodes.values()
        if item["metadata"]["schema"] == SCHEMA
    }
    for view, model in specification.views.items():
        if view not in found:
            raise UserError(f"The catalog is stale: it lacks the view of {model.name}; {STALE}.")
        types = {name.lower(): type_name(item["type"]) for name, item in found[view].items()}
        for column in model.columns:
            place, declared = f"{model.name}.{column['name']}", column["data_type"]
            if column["name"] not in types:
                raise UserError(f"The catalog is stale: it lacks {place}; {STALE}.")
            if types[column["name"]] != declared:
                raise UserError(
                    f"The catalog is stale: {place} is {types[column['name']]} there and "
                    f"{declared} in its YAML; {STALE}."
                )
