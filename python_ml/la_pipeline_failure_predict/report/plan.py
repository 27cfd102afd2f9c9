"""The projects that a budget buys, and what the same money buys by a simpler rule."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import atomic_write
from la_pipeline_failure_predict.spreadsheets import without_formula
from la_pipeline_failure_predict.warehouse import Warehouse

PROJECTS = """
    select
        plan.plan_rank, plan.project_id, plan.as_of_date, plan.street_name,
        case when plan.area_id <> 'unknown' then plan.area_name end as area_name,
        plan.material_group_name as material_group, plan.first_install_year,
        plan.last_install_year, plan.pipe_count, plan.length_m, plan.breaks_ever,
        plan.breaks_prior_60m, plan.cost_usd, plan.emergency_cost_usd, plan.breaks_avoided_1y,
        plan.breaks_avoided_5y, plan.breaks_avoided_10y, plan.avoided_usd_10y,
        plan.avoided_per_usd, plan.breaks_rank, plan.most_breaks_rank, plan.oldest_rank,
        plan.run_id
    from powerbi.replacement_plan as plan
    order by plan.plan_rank
"""
PIPES = """
    select project_id, pipe_id
    from powerbi.pipe_risk
    order by project_id, position_in_project
"""
RULES: Mapping[str, str] = {
    "plan_rank": "cost avoided per $",
    "breaks_rank": "breaks avoided per $",
    "most_breaks_rank": "most breaks first",
    "oldest_rank": "oldest first",
}
CENT = 0.005


@dataclass(frozen=True)
class Plan:
    """Every project of the network, from the warehouse.

    Attributes
    ----------
    projects
        Rows of ``powerbi.replacement_plan``, in rank order.
    """

    projects: tuple[Mapping[str, Any], ...]

    @property
    def as_of_date(self) -> date:
        """Day the breaks avoided are counted from."""
        day: date = self.projects[0]["as_of_date"]
        return day

    @property
    def length_m(self) -> float:
        """Length of the network, meters."""
        return float(sum(project["length_m"] for project in self.projects))


@dataclass(frozen=True)
class Choice:
    """Projects chosen by a rule, and their totals.

    Attributes
    ----------
    rule
        Name of the rule.
    projects
        Rows of the plan, in the rule's order.
    """

    rule: str
    projects: tuple[Mapping[str, Any], ...]

    def total(self, column: str) -> float:
        """Return the sum of a column over the projects."""
        return float(sum(project[column] for project in self.projects))

    @property
    def avoided_per_usd(self) -> float:
        """Cost avoided over ten years per dollar spent; 0 when nothing is."""
        cost = self.total("cost_usd")
        return self.total("avoided_usd_10y") / cost if cost else 0.0


def read_plan(warehouse: Warehouse) -> Plan:
    """Return every project of the published ranking.

    Raises
    ------
    UserError
        If the marts are not built, or no main is scored.
    """
    if not warehouse.has_table("powerbi", "replacement_plan"):
        raise UserError("There is no plan in this warehouse yet: run la-pipes run.")
    projects = warehouse.query(PROJECTS).to_pylist()
    if not projects:
        raise UserError(
            "No main of this warehouse is scored, so there is nothing to plan: load mains and "
            "breaks that can be linked, then run la-pipes run."
        )
    return Plan(tuple(projects))


def choose(
    plan: Plan,
    budget_usd: float | None = None,
    length_share: float | None = None,
    rank: str = "plan_rank",
    *,
    must_fit: bool = True,
) -> Choice:
    """Take projects in the order of a rank, skipping those that no longer fit.

    Parameters
    ----------
    budget_usd
        Spend at most this, USD; None sets no limit.
    length_share
        Renew at most this share of the network's length; None sets no limit.
    rank
        Column of the plan to order by, one of `RULES`.
    must_fit
        Whether a choice of nothing is an error.

    Raises
    ------
    UserError
        If not even one project fits.
    """
    money = float("inf") if budget_usd is None else budget_usd + CENT
    meters = float("inf") if length_share is None else length_share * plan.length_m
    chosen = []
    for project in sorted(plan.projects, key=lambda row: row[rank]):
        avoids = project["avoided_usd_10y"] > 0
        if avoids and project["cost_usd"] <= money and project["length_m"] <= meters:
            chosen.append(project)
            money -= project["cost_usd"]
            meters -= project["length_m"]
    if not chosen and must_fit:
        cheapest = min(project["cost_usd"] for project in plan.projects)
        shortest = min(project["length_m"] for project in plan.projects)
        raise UserError(
            f"No project fits: the cheapest costs ${cheapest:,.0f}, and the shortest is "
            f"{shortest:,.0f} m of the network's {plan.length_m:,.0f} m. Raise --budget or "
            "--length-share."
        )
    return Choice(RULES[rank], tuple(chosen))


def compare(plan: Plan, chosen: Choice) -> list[Choice]:
    """Return what was chosen, and what the other rules choose for the same money."""
    spent = chosen.total("cost_usd")
    others = [rank for rank, rule in RULES.items() if rule != chosen.rule]
    return [chosen, *(choose(plan, spent, rank=rank, must_fit=False) for rank in others)]


def default_budget(root: Path) -> float:
    """Return the budget of the variable ``plan_budget_usd`` in dbt_project.yml, USD.

    Raises
    ------
    UserError
        If it is missing or not a number above 0.
    """
    project = yaml.safe_load((root / "dbt_project.yml").read_text(encoding="utf-8"))
    budget = (project.get("vars") or {}).get("plan_budget_usd")
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not budget > 0:
        raise UserError(
            "The variable plan_budget_usd in dbt_project.yml is not a number above 0: set it, or "
            "name a --budget."
        )
    return float(budget)


def write_projects(warehouse: Warehouse, chosen: Choice, file: Path) -> None:
    """Write the chosen projects as CSV, one row per project with its mains in street order.

    The file is written completely or not at all; until then an older one stays.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    wanted = {project["project_id"] for project in chosen.projects}
    mains: dict[str, list[str]] = {}
    for batch in warehouse.stream(PIPES):
        for row in batch.to_pylist():
            if row["project_id"] in wanted:
                mains.setdefault(row["project_id"], []).append(row["pipe_id"])
    rows = [
        _rounded(project) | {"pipe_ids": " ".join(mains[project["project_id"]])}
        for project in chosen.projects
    ]
    with atomic_write(file, newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(
            {name: without_formula(value) for name, value in row.items()} for row in rows
        )


def _rounded(row: Mapping[str, Any]) -> dict[str, object]:
    return {
        name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()
    }
