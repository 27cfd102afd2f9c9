"""The mains to look at first, and why, in words for planners."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from la_pipeline_failure_predict.warehouse import Warehouse

TOP_MAINS = """
    select
        risk.risk_rank, risk.as_of_date, risk.pipe_id, risk.street_name,
        case when risk.area_id <> 'unknown' then risk.area_name end as area_name,
        risk.material_name, risk.install_year, risk.diameter_mm, risk.length_m,
        risk.expected_breaks, risk.breaks_prior_60m, risk.nearby_breaks_prior_36m,
        risk.soil_corrosivity_code
    from powerbi.pipe_risk as risk
    where not risk.is_stub
    order by risk.risk_rank
    limit $1
"""
REASONS = """
    select pipe_id, reason, rate_factor
    from powerbi.pipe_reason_codes
    where pipe_id in ({places})
    order by pipe_id, reason_rank
"""


@dataclass(frozen=True)
class TopMain:
    """One main of the ranking: where it is, what it is and why it is there."""

    rank: int
    as_of_date: date
    pipe_id: str
    place: str
    expected_breaks: float
    why: str


def read_top_mains(warehouse: Warehouse, count: int = 10) -> list[TopMain]:
    """Return the first mains of the published ranking, stubs left out; empty without scores."""
    if not warehouse.has_table("powerbi", "pipe_risk"):
        return []
    rows = warehouse.query(TOP_MAINS, (count,)).to_pylist()
    reasons = read_reasons(warehouse, [row["pipe_id"] for row in rows])
    return [
        TopMain(
            rank=row["risk_rank"],
            as_of_date=row["as_of_date"],
            pipe_id=row["pipe_id"],
            place=", ".join(filter(None, (row["street_name"], row["area_name"]))) or "no place",
            expected_breaks=row["expected_breaks"],
            why=reasons.get(row["pipe_id"]) or explain(row),
        )
        for row in rows
    ]


def read_reasons(warehouse: Warehouse, pipe_ids: Sequence[str]) -> dict[str, str]:
    """Return the reasons of mains, one line each, such as ``cast iron of 1922 (x3.1)``.

    A main without a reason, and every main of a model without coefficients, is left out.
    """
    if not pipe_ids or not warehouse.has_table("powerbi", "pipe_reason_codes"):
        return {}
    places = ", ".join(f"${position}" for position in range(1, len(pipe_ids) + 1))
    found: dict[str, list[str]] = {}
    for row in warehouse.query(REASONS.format(places=places), pipe_ids).to_pylist():
        text = f"{row['reason']} (x{row['rate_factor']:.1f})"
        found.setdefault(row["pipe_id"], []).append(text)
    return {pipe_id: "; ".join(texts) for pipe_id, texts in found.items()}


def explain(row: Mapping[str, object]) -> str:
    """Say in one line what a main is and why it is risky."""
    year = f" of {row['install_year']}" if row["install_year"] else ""
    parts = [f"{row['material_name']}{year}"]
    if row["diameter_mm"]:
        parts[0] += f", {row['diameter_mm']:.0f} mm"
    own, near = int(str(row["breaks_prior_60m"])), int(str(row["nearby_breaks_prior_36m"]))
    if own:
        parts.append(f"{_count(own)} in 5 years on {row['length_m']:.0f} m")
    if near:
        parts.append(f"{_count(near)} within 100 m in 3 years")
    if row["soil_corrosivity_code"] == "high":
        parts.append("corrosive soil")
    return "; ".join(parts)


def _count(number: int) -> str:
    return "1 break" if number == 1 else f"{number} breaks"
