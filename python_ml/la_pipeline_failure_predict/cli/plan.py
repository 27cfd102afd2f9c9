"""The command that spends a budget: plan."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from la_pipeline_failure_predict.cli.common import common
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
    click.echo(
        f"Renewals for {' and '.join(limits)}, and what they avoid in the ten years from "
        f"{network.as_of_date}:\n"
    )
    _print_projects(chosen, ORDERS[by], rows)
    _print_totals(network, chosen)
    _print_comparison(compare(network, chosen))
    if file:
        click.echo(f"\nWrote {len(chosen.projects):,} projects to {file}.")


def _print_projects(chosen: Choice, rank: str, rows: int) -> None:
    shown = chosen.projects[: max(rows, 0)]
    if not shown:
        return
    places = [_place(project) for project in shown]
    width = max(len(place) for place in places)
    click.echo(
        f"{'rank':>5} {'street':<{width}} {'mains':>5} {'meters':>7} {'cost':>12} "
        f"{'breaks avoided':>14} {'$ avoided':>9} {'per $':>6}"
    )
    for place, project in zip(places, shown, strict=True):
        click.echo(
            f"{project[rank]:>5} {place:<{width}} {project['pipe_count']:>5} "
            f"{project['length_m']:>7,.0f} {project['cost_usd']:>12,.0f} "
            f"{project['breaks_avoided_10y']:>14.2f} {project['avoided_usd_10y']:>9,.0f} "
            f"{project['avoided_per_usd']:>6.3f}"
        )
    if len(shown) < len(chosen.projects):
        rest = len(chosen.projects) - len(shown)
        click.echo(f"      and {rest:,} more (--rows, or --to for all of them)")


def _place(project: Mapping[str, Any]) -> str:
    place = project["street_name"] or f"main {project['project_id']}"
    return f"{place}, {project['area_name']}" if project["area_name"] else str(place)


def _print_totals(network: Plan, chosen: Choice) -> None:
    meters = chosen.total("length_m")
    click.echo(
        f"\n{len(chosen.projects):,} projects, {chosen.total('pipe_count'):,.0f} mains, "
        f"{meters / 1000:,.1f} km ({meters / network.length_m:.2%} of the network), "
        f"${chosen.total('cost_usd'):,.0f}; the same work as emergencies "
        f"${chosen.total('emergency_cost_usd'):,.0f}"
    )


def _print_comparison(choices: list[Choice]) -> None:
    click.echo(
        "\nThe same money by other rules (breaks avoided in 1, 5 and 10 years):\n\n"
        f"{'rule':<20} {'projects':>8} {'km':>6} {'cost':>13} {'1':>7} {'5':>7} {'10':>7} "
        f"{'$ avoided, 10 y':>16} {'per $':>6}"
    )
    for choice in choices:
        click.echo(
            f"{choice.rule:<20} {len(choice.projects):>8,} {choice.total('length_m') / 1000:>6.1f} "
            f"{choice.total('cost_usd'):>13,.0f} {choice.total('breaks_avoided_1y'):>7.1f} "
            f"{choice.total('breaks_avoided_5y'):>7.1f} "
            f"{choice.total('breaks_avoided_10y'):>7.1f} "
            f"{choice.total('avoided_usd_10y'):>16,.0f} {choice.avoided_per_usd:>6.3f}"
        )
    click.echo(
        "\nAll figures are the model's expectations, for every rule, at an unchanged rate of breaks"
        "\nunless plan_rate_growth is set; docs/14_risk_scoring explains how to read them."
    )
