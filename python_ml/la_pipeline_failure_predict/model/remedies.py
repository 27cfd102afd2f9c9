"""Say what is missing where there is nothing to learn from, and what to do about it."""

from la_pipeline_failure_predict.model.data import GrainName
from la_pipeline_failure_predict.warehouse.base import Warehouse

UNLINKED = {
    "unknown_pipe": (
        "name a main that is not in the inventory: make the identifiers of both files alike (see "
        "`identifiers` in docs/02_data_sources)"
    ),
    "no_pipe": (
        "name no main and lie near none: name the column of the main, or longitude, latitude and "
        "crs, in the mapping"
    ),
    "predates_install": (
        "are older than the main they name: check the order of day, month and year in both files"
    ),
    "after_decommissioning": (
        "are younger than the end of the main they name: check decommissioned_on"
    ),
}


def remedy(warehouse: Warehouse, grain: GrainName) -> str:
    """Return what to do when a grain has no breaks to learn from, as the end of a sentence."""
    if not all(warehouse.has_table("core", name) for name in ("fct_breaks", "dim_pipes")):
        return f"load {'pipes' if grain == 'pipe' else 'areas'} and breaks, then run la-pipes build"
    mains = _count(warehouse, "core.dim_pipes where is_modelled")
    if grain == "pipe" and mains == 0 and _count(warehouse, "core.dim_areas") == 0:
        return "load pipes, then run la-pipes build"
    found = _without_breaks(warehouse)
    if found is None and (grain == "area_month" or mains == 0):
        found = _without_exposure(warehouse)
    if found is None and grain == "pipe":
        found = _without_links(warehouse)
    return found or (
        "no whole period of the record holds a break: check record in the mapping and the dates"
    )


def _without_breaks(warehouse: Warehouse) -> str | None:
    """Explain why no break counts; None where one does."""
    if _count(warehouse, "core.fct_breaks"):
        return None
    excluded = warehouse.query(
        "select exclusion_reason, cast(count(*) as bigint) as row_count "
        "from intermediate.int_breaks__excluded group by 1 order by 2 desc, 1"
    ).to_pylist()
    if not excluded:
        return "load breaks, then run la-pipes build"
    rows = sum(row["row_count"] for row in excluded)
    return (
        f"all {rows:,} loaded breaks are set aside, most as {excluded[0]['exclusion_reason']}: see "
        "intermediate.int_breaks__excluded, and fix the mapping"
    )


def _without_exposure(warehouse: Warehouse) -> str | None:
    """Explain why areas have nothing that can break; None where they have."""
    if _count(warehouse, "core.dim_areas") == 0:
        return "load areas, then run la-pipes build"
    if _count(warehouse, "core.fct_area_months") == 0:
        return (
            "the areas have neither polygons nor the length of their mains: load a file with their "
            "polygons, or name the column of their mains' length as mains_km in the mapping"
        )
    if _count(warehouse, "core.fct_breaks where area_id is not null") == 0:
        return (
            "no break lies in an area: name the column of the area in the mapping of the breaks, "
            "or their longitude and latitude, then run la-pipes run"
        )
    return None


def _without_links(warehouse: Warehouse) -> str | None:
    """Explain why breaks belong to no main; None where most do."""
    rows = warehouse.query(
        "select link_status, cast(count(*) as bigint) as row_count from core.fct_breaks "
        "group by 1 order by 2 desc, 1"
    ).to_pylist()
    total = sum(row["row_count"] for row in rows)
    lost = [row for row in rows if row["link_status"] in UNLINKED]
    if not lost or 2 * sum(row["row_count"] for row in lost) < total:
        return None
    worst = lost[0]
    return f"{worst['row_count']:,} of {total:,} breaks {UNLINKED[worst['link_status']]}"


def _count(warehouse: Warehouse, place: str) -> int:
    return int(str(warehouse.scalar(f"select count(*) from {place}")))
