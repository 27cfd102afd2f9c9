"""The command that spends a budget: plan."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from la_pipeline_failure_predict.cli.common import common
from la_pipeline_failure_predict.cli.screen import Column, Screen
from la_pipeline_failure_predict.project import open_warehouse
from la_pipeline_failure_predict.report.plan import (
    Choice,
    Plan,
    choose,
    compare,
    default_budget,
    read_plan,
    write_projects,
)
from la_pipeline_failure_predict.settings import Settings

ORDERS = {"cost": "plan_rank", "breaks": "breaks_rank"}
MULTIPLES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9}


class Dollars(click.ParamType):
    """An amount above 0: 25e6, 25M or 25,000,000."""

    name = "USD"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> float:
        """Read the amount."""
        text = str(value).strip().lower().lstrip("$").replace(",", "")
        parts = re.fullmatch(r"([0-9.]+(?:e[+-]?[0-9]+)?)\s*([kmb]?)", text)
        amount = _number(parts[1]) * MULTIPLES[parts[2]] if parts else math.nan
        if not 0 < amount < math.inf:
            self.fail(f"{value!r} is not an amount above 0, such as 25e6 or 25M.", param, context)
        return amount


class Share(click.ParamType):
    """A share above 0, at most all: 0.5% or 0.005."""

    name = "SHARE"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> float:
        """Read the share."""
        text = str(value).strip()
        share = _number(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        if not 0 < share <= 1:
            self.fail(f"{value!r} is not a share of the length, such as 0.5%.", param, context)
        return share


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


@click.command()
@click.option(
    "--budget",
    type=Dollars(),
    help="Spend at most this; without --length-share, the default is the variable plan_budget_usd.",
)
@click.option(
    "--length-share", type=Share(), help="Renew at most this share of the network's length."
)
@click.option(
    "--by",
    type=click.Choice(list(ORDERS)),
    default="cost",
    show_default=True,
    help="Order by the cost of breaks avoided per dollar, or by their number.",
)
@click.option(
    "--to",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every project of the plan to this CSV file, with its mains.",
)
@click.option("--rows", default=20, show_default=True, help="Projects to print.")
@common
def plan(
    settings: Settings,
    budget: float | None,
    length_share: float | None,
    by: str,
    file: Path | None,
    rows: int,
) -> None:
    """Say which street projects a budget buys, and which breaks they avoid.

    \b
    Example: la-pipes plan --budget 25e6
             la-pipes plan --length-share 0.5% --to plan.csv
    """
    if budget is None and length_share is None:
        budget = default_budget(settings.root)
    with open_warehouse(settings) as warehouse:
        network = read_plan(warehouse)
        chosen = choose(network, budget, length_share, ORDERS[by])
        if file:
            write_projects(warehouse, chosen, file)
    limits = [f"${budget:,.0f}"] if budget else []
    limits += [f"{length_share:.2%} of the length"] if length_share else []
    screen = Screen.current()
    screen.say(
        f"Renewals for {' and '.join(limits)}, and what they avoid in the ten years from "
        f"{network.as_of_date}:\n"
    )
    _show_projects(screen, chosen, ORDERS[by], rows)
    _say_totals(screen, network, chosen)
    _show_comparison(screen, compare(network, chosen))
    if file:
        screen.say(f"\nWrote {len(chosen.projects):,} projects to {file}.")


def _show_projects(screen: Screen, chosen: Choice, rank: str, rows: int) -> None:
    shown = chosen.projects[: max(rows, 0)]
    if not shown:
        return
    columns = [
        Column("rank", is_number=True),
        Column("street"),
        Column("mains", is_number=True),
        Column("meters", is_number=True),
        Column("cost", is_number=True),
        Column("breaks avoided", is_number=True),
        Column("$ avoided", is_number=True),
        Column("per $", is_number=True),
    ]
    cells = [
        (
            project[rank],
            _place(project),
            project["pipe_count"],
            f"{project['length_m']:,.0f}",
            f"{project['cost_usd']:,.0f}",
            f"{project['breaks_avoided_10y']:.2f}",
            f"{project['avoided_usd_10y']:,.0f}",
            f"{project['avoided_per_usd']:.3f}",
        )
        for project in shown
    ]
    screen.table(columns, cells)
    if len(shown) < len(chosen.projects):
        rest = len(chosen.projects) - len(shown)
        screen.say(f"and {rest:,} more (--rows, or --to for all of them)")
    if passed := shown[-1][rank] - len(shown):
        projects = "project" if passed == 1 else "projects"
        screen.say(
            f"Left out of the ranks: {passed:,} {projects} that did not fit what was left, or "
            "avoid nothing."
        )


def _place(project: Mapping[str, Any]) -> str:
    place = project["street_name"] or f"main {project['project_id']}"
    return f"{place}, {project['area_name']}" if project["area_name"] else str(place)


def _say_totals(screen: Screen, network: Plan, chosen: Choice) -> None:
    meters = chosen.total("length_m")
    screen.say(
        f"\n{len(chosen.projects):,} projects, {chosen.total('pipe_count'):,.0f} mains, "
        f"{meters / 1000:,.1f} km ({meters / network.length_m:.2%} of the network), "
        f"${chosen.total('cost_usd'):,.0f}; the same work as emergencies "
        f"${chosen.total('emergency_cost_usd'):,.0f}"
    )


def _show_comparison(screen: Screen, choices: list[Choice]) -> None:
    screen.say("\nThe same money by other rules (breaks avoided in 1, 5 and 10 years):\n")
    columns = [
        Column("rule"),
        Column("projects", is_number=True),
        Column("km", is_number=True),
        Column("cost", is_number=True),
        Column("1", is_number=True),
        Column("5", is_number=True),
        Column("10", is_number=True),
        Column("$ avoided, 10 y", is_number=True),
        Column("per $", is_number=True),
    ]
    rows = [
        (
            choice.rule,
            f"{len(choice.projects):,}",
            f"{choice.total('length_m') / 1000:.1f}",
            f"{choice.total('cost_usd'):,.0f}",
            f"{choice.total('breaks_avoided_1y'):.1f}",
            f"{choice.total('breaks_avoided_5y'):.1f}",
            f"{choice.total('breaks_avoided_10y'):.1f}",
            f"{choice.total('avoided_usd_10y'):,.0f}",
            f"{choice.avoided_per_usd:.3f}",
        )
        for choice in choices
    ]
    screen.table(columns, rows)
    screen.say(
        "\nAll figures are the model's expectations, for every rule, at an unchanged rate of "
        "breaks unless plan_rate_growth is set; docs/14_risk_scoring explains how to read them."
    )
