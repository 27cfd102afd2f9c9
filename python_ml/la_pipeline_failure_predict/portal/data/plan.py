"""The replacement plan: what a budget buys, at the published costs or at changed ones."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from la_pipeline_failure_predict.portal.data.exports import Export
from la_pipeline_failure_predict.portal.data.reader import Reader, Row

PROJECTS_SHOWN = 200
MOST_BUDGET_USD = 1e12
LEAST_FACTOR, MOST_FACTOR = 0.1, 10.0
# The slider and the curve go up to so many times what the published plan spends.
TIMES_THE_PLAN = 4
CURVE_POINTS = 10
# Order of the projects -> what the warehouse calls it. An account with some areas cannot read the
# names from `plan_scenarios`, which is of the whole city.
RULES: Mapping[str, str] = {
    "plan_rank": "Cost avoided per dollar (the plan)",
    "oldest_rank": "Oldest first",
    "most_breaks_rank": "Most recorded breaks",
}
# Both factors change all projects alike, and so not their order.
PRICED = """
    select * replace (
        cost_usd * $renewal as cost_usd,
        avoided_usd_10y * $consequence as avoided_usd_10y,
        avoided_per_usd * $consequence / $renewal as avoided_per_usd
    )
    from replacement_plan
"""
COLUMNS = """
    plan_rank, project_id, street_name, area_name, material_group_name, first_install_year,
    last_install_year, pipe_count, length_m, breaks_ever, best_risk_rank, cost_usd,
    breaks_avoided_10y, avoided_usd_10y, avoided_per_usd, is_within_budget
"""
TOTALS = """
    select
        count(*) as projects, cast(coalesce(sum(pipe_count), 0) as bigint) as mains,
        coalesce(sum(length_m), 0) as length_m, coalesce(sum(cost_usd), 0) as cost_usd,
        coalesce(sum(breaks_avoided_10y), 0) as breaks_avoided_10y,
        coalesce(sum(avoided_usd_10y), 0) as avoided_usd_10y,
        count(*) filter (avoided_usd_10y > cost_usd) as paying
"""
# Of the account's areas, as if the money were theirs alone.
RUNNING = """
    select
        plan_rank, avoided_usd_10y,
        sum(cost_usd) over (order by plan_rank rows unbounded preceding) as running_usd
    from replacement_plan
"""


@dataclass(frozen=True)
class Wanted:
    """What the reader of the plan asks for.

    Attributes
    ----------
    budget_usd
        None for what the published plan buys.
    renewal, consequence
        How many times the published costs of projects, and of breaks, are taken.
    """

    budget_usd: float | None = None
    renewal: float = 1.0
    consequence: float = 1.0

    @classmethod
    def from_address(cls, arguments: Mapping[str, str]) -> "Wanted":
        """Read it from the address of a page; what is no number, or out of bounds, is left out."""
        factors = {
            name: number
            for name in ("renewal", "consequence")
            if (number := _number(arguments.get(name), LEAST_FACTOR, MOST_FACTOR)) is not None
        }
        return cls(_number(arguments.get("budget"), 1, MOST_BUDGET_USD), **factors)

    @property
    def is_changed(self) -> bool:
        """Whether costs are not those of the published plan."""
        return (self.renewal, self.consequence) != (1.0, 1.0)

    @property
    def factors(self) -> dict[str, float]:
        """The factors, by their names in a query."""
        return {"renewal": self.renewal, "consequence": self.consequence}

    @property
    def given(self) -> dict[str, str]:
        """What is asked for, as parts of an address."""
        changed = {name: f"{value:g}" for name, value in self.factors.items() if value != 1}
        if self.budget_usd is None:
            return changed
        return {"budget": f"{self.budget_usd:.0f}"} | changed

    @property
    def said(self) -> str:
        """What is asked for, in words."""
        budget = "of the plan" if self.budget_usd is None else f"USD {self.budget_usd:.0f}"
        if not self.is_changed:
            return f"budget {budget}"
        return (
            f"budget {budget}, cost of renewal x {self.renewal:g}, cost of a break "
            f"x {self.consequence:g} (changed for this view, not the published plan)"
        )


def _number(text: str | None, least: float, most: float) -> float | None:
    with suppress(ValueError):
        number = float((text or "").replace(",", ""))
        if least <= number <= most:
            return number
    return None


def read_plan(reader: Reader, wanted: Wanted) -> dict[str, Any]:
    """Return the projects that a budget buys, in order, and what it buys in all."""
    last = _last_rank(reader, wanted)
    bought = f"from ({PRICED}) where plan_rank <= $last"
    published = reader.keep("plan", lambda: _published(reader))
    return {
        "projects": reader.rows(
            f"select {COLUMNS} {bought} order by plan_rank limit {PROJECTS_SHOWN}",
            **wanted.factors,
            last=last,
        ),
        "totals": reader.row(f"{TOTALS} {bought}", **wanted.factors, last=last),
        "all": published["all"],
        "most_budget": published["most_budget"] * wanted.renewal,
        "curve": [
            {
                "budget_usd": point["budget_usd"] * wanted.renewal,
                "rules": [(breaks, usd * wanted.consequence) for breaks, usd in point["rules"]],
            }
            for point in published["curve"]
        ],
    }


def _last_rank(reader: Reader, wanted: Wanted) -> int:
    """Return the rank of the last project that is bought, 0 for none."""
    if wanted.budget_usd is None:
        row = reader.row(
            "select max(plan_rank) as last from replacement_plan where is_within_budget"
        )
    else:
        row = reader.row(
            f"select max(plan_rank) as last from ({RUNNING}) "
            "where running_usd <= $budget_usd and avoided_usd_10y > 0",
            budget_usd=wanted.budget_usd / wanted.renewal,
        )
    return (row["last"] if row else None) or 0


def _published(reader: Reader) -> dict[str, Any]:
    """Return what does not depend on a budget."""
    (whole,) = reader.rows(f"{TOTALS} from replacement_plan")
    (within,) = reader.rows(f"{TOTALS} from replacement_plan where is_within_budget")
    most = min(whole["cost_usd"], TIMES_THE_PLAN * within["cost_usd"] or whole["cost_usd"])
    most_budget = round_up(most)
    return {"all": whole, "most_budget": most_budget, "curve": _curve(reader, most_budget)}


def round_up(value: float) -> float:
    """Return the next number of one digit and zeros."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** math.floor(math.log10(value))
    return math.ceil(value / unit) * unit


def _curve(reader: Reader, most_budget: float) -> list[Row]:
    """Return what budgets avoid by each rule: breaks and USD in ten years."""
    budgets = [most_budget * number / CURVE_POINTS for number in range(1, CURVE_POINTS + 1)]
    ordered = " union all ".join(
        f"""
        select
            '{rank}' as rule, sum(cost_usd) {so_far} as cost_usd,
            sum(breaks_avoided_10y) {so_far} as breaks, sum(avoided_usd_10y) {so_far} as usd
        from replacement_plan
        """
        for rank in RULES
        for so_far in (f"over (order by {rank} rows unbounded preceding)",)
    )
    found = reader.rows(
        f"""
        select budget_usd, rule, max(breaks) as breaks, max(usd) as usd
        from ({ordered})
        inner join (select unnest($budgets) as budget_usd) on cost_usd <= budget_usd
        group by budget_usd, rule
        """,
        budgets=budgets,
    )
    avoided = {(row["budget_usd"], row["rule"]): (row["breaks"], row["usd"]) for row in found}
    return [
        {
            "budget_usd": budget,
            "rules": [avoided.get((budget, rank), (0.0, 0.0)) for rank in RULES],
        }
        for budget in budgets
    ]


def find_project(reader: Reader, project_id: str) -> dict[str, Any] | None:
    """Return a project and its mains, the first to be renewed first; None if it is not seen."""
    project = reader.row(
        "select * from replacement_plan where project_id = $project_id", project_id=project_id
    )
    if project is None:
        return None
    return {
        "project": project,
        "mains": reader.rows(
            "select pipe_id, risk_rank, risk_class_code, risk_class_name, expected_breaks, "
            "risk_usd, reasons, material_name, install_year, diameter_mm, length_m, renewal_usd "
            "from pipe_risk where project_id = $project_id order by position_in_project, pipe_id",
            project_id=project_id,
        ),
    }


def export(reader: Reader, wanted: Wanted) -> Export:
    """Return the projects that are bought as they are downloaded."""
    return Export(
        "projects",
        f"select {COLUMNS} from ({PRICED}) where plan_rank <= $last order by plan_rank",
        {**wanted.factors, "last": _last_rank(reader, wanted)},
        wanted.said,
    )
