"""Reports and notebooks that dbt declares as exposures, as a snapshot holds them."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

EXPOSURES = "exposures"
SCHEMA = pa.schema(
    [
        ("exposure_id", pa.string()),
        ("label", pa.string()),
        ("kind", pa.string()),
        ("maturity", pa.string()),
        ("description", pa.string()),
        ("owner_name", pa.string()),
        ("owner_email", pa.string()),
        # Page of the portal that shows the same, as `config.meta.portal.page` has it.
        ("page", pa.string()),
    ]
)


def read_exposures(manifest: Mapping[str, Any]) -> pa.Table:
    """Return the exposures of dbt's manifest, dashboards first."""
    rows = [
        {
            "exposure_id": exposure["name"],
            "label": exposure["label"] or exposure["name"],
            "kind": exposure["type"],
            "maturity": exposure["maturity"] or "",
            "description": " ".join(exposure["description"].split()),
            "owner_name": exposure["owner"]["name"] or "",
            "owner_email": exposure["owner"]["email"] or "",
            "page": exposure["config"]["meta"].get("portal", {}).get("page", ""),
        }
        for exposure in manifest["exposures"].values()
    ]
    rows.sort(key=lambda row: (row["kind"], row["exposure_id"]))
    return pa.Table.from_pylist(rows, SCHEMA)
