"""What planners read: dashboard, ranking, main, plan, performance and quality."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import wraps
from typing import Any

import flask
from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from la_pipeline_failure_predict.portal.auth import accounts
from la_pipeline_failure_predict.portal.auth.pages import following_page
from la_pipeline_failure_predict.portal.auth.roles import MAY, RoleName
from la_pipeline_failure_predict.portal.data import figures, mains, shapes
from la_pipeline_failure_predict.portal.data import plan as plans
from la_pipeline_failure_predict.portal.data.exports import MOST_XLSX_ROWS
from la_pipeline_failure_predict.portal.data.reader import Reader, Snapshots
from la_pipeline_failure_predict.portal.views.charts import curve_chart, months_chart, time_line
from la_pipeline_failure_predict.portal.views.exports import send

pages = Blueprint("pages", __name__)


def reader() -> Reader | None:
    """Return the current snapshot as the account sees it; the same one during a request."""
    if "reader" not in g:
        snapshots: Snapshots = flask.current_app.extensions["portal_snapshots"]
        snapshot = snapshots.current()
        g.reader = Reader(snapshot, g.account.area_ids) if snapshot else None
    found: Reader | None = g.reader
    return found


def require(role: RoleName) -> None:
    """Refuse who may do less than a role."""
    if not g.account.may(role):
        flask.abort(403)


def render(template: str, **values: object) -> str:
    """Render a page of who is signed in."""
    source = reader()
    return flask.render_template(
        template, account=g.account, manifest=source.manifest if source else None, **values
    )


def published() -> Reader:
    """Return the current snapshot, as `reader` does; not found while nothing is published."""
    return reader() or flask.abort(404)


def of_snapshot(view: Callable[[Reader], ResponseReturnValue]) -> Callable[[], ResponseReturnValue]:
    """Show the page of a snapshot, and the welcome while nothing is published."""

    @wraps(view)
    def shown() -> ResponseReturnValue:
        source = reader()
        return welcome() if source is None else view(source)

    return shown


@pages.get("/welcome")
def welcome() -> str:
    """Say what the account may do, and how to read a score; shown at the first sign-in."""
    source = reader()
    if g.account.welcomed_at is None:
        accounts.welcome(g.account)
    return render(
        "dashboard/onboarding.html",
        role_words=MAY[g.account.role],
        areas=[row["area_name"] for row in figures.area_names(source)] if source else [],
        others=len(accounts.all_accounts()) - 1,
        following=following_page(),
    )


def map_view(source: Reader, pipe_id: str | None = None) -> Mapping[str, Any] | None:
    """Return what the map of a page needs to know; None where nothing has a place.

    Parameters
    ----------
    pipe_id
        Main that it shows; None for all of what the account sees.
    """
    view = shapes.view(source, pipe_id)
    if view is None:
        return None
    first = flask.url_for("maps.tile", snapshot_id=source.manifest.snapshot_id, zoom=0, x=0, y=0)
    return view | {"tiles": first.replace("0/0/0", "{z}/{x}/{y}")}


@pages.get("/")
@of_snapshot
def dashboard(source: Reader) -> ResponseReturnValue:
    """Show the figures of the network at a glance."""
    shown = figures.dashboard(source)
    year = shown["year"]
    return render(
        "dashboard/dashboard.html",
        breaks_per_km=year["breaks"] / year["km"] if year and year["km"] else None,
        judged=figures.judged(shown["months"]),
        chart=months_chart(shown["months"]) if shown["months"] else None,
        age_days=(datetime.now(UTC) - datetime.fromisoformat(source.manifest.published_at)).days,
        **shown,
    )


@pages.get("/risk")
@of_snapshot
def risk(source: Reader) -> ResponseReturnValue:
    """Show the mains in the order of their risk."""
    filters = mains.Filters.from_address(request.args)
    number = request.args.get("page", default=1, type=int)
    return render(
        "reports/risk_assessment.html",
        filters=filters,
        page=mains.rank(source, filters, number),
        map=map_view(source),
        choices=mains.choices(source),
        matrix=mains.matrix(source, filters),
        all_filters=mains.FILTERS,
        likelihood_bounds=mains.LIKELIHOOD_BOUNDS,
        consequence_bounds=mains.CONSEQUENCE_BOUNDS,
        most_xlsx_rows=MOST_XLSX_ROWS,
    )


@pages.get("/risk.<any(csv, xlsx, geojson):kind>")
def risk_export(kind: str) -> ResponseReturnValue:
    """Send the mains that the filters leave, as a file."""
    require("planner")
    return send(published(), mains.export(mains.Filters.from_address(request.args)), kind)


@pages.get("/pipe/<path:pipe_id>")
def pipe(pipe_id: str) -> ResponseReturnValue:
    """Show a main: what it is, its score and why, its breaks, its project."""
    source = published()
    found = mains.find_main(source, pipe_id) or flask.abort(404)
    days = [item["broke_on"] for item in found["breaks"] if item["broke_on"]]
    until = found["risk"]["as_of_date"] if found["risk"] else max(days, default=date.min)
    chart = time_line(days, found["main"]["install_year"], until) if days else None
    return render("reports/pipe.html", chart=chart, map=map_view(source, pipe_id), **found)


@pages.get("/plan")
@of_snapshot
def plan(source: Reader) -> ResponseReturnValue:
    """Show the projects that a budget buys."""
    wanted = _wanted()
    found = plans.read_plan(source, wanted)
    return render(
        "reports/plan.html",
        wanted=wanted,
        chart=curve_chart(found["curve"]) if found["all"]["projects"] else None,
        rules=plans.RULES,
        most_shown=plans.PROJECTS_SHOWN,
        most_xlsx_rows=MOST_XLSX_ROWS,
        factor_bounds=(plans.LEAST_FACTOR, plans.MOST_FACTOR),
        **found,
    )


def _wanted() -> plans.Wanted:
    """Read what is asked for; costs are the planners' to change."""
    wanted = plans.Wanted.from_address(request.args)
    if wanted.is_changed:
        require("planner")
    return wanted


@pages.get("/plan.<any(csv, xlsx):kind>")
def plan_export(kind: str) -> ResponseReturnValue:
    """Send the projects that the budget buys, as a file."""
    require("planner")
    source = published()
    return send(source, plans.export(source, _wanted()), kind)


@pages.get("/plan/<path:project_id>")
def project(project_id: str) -> ResponseReturnValue:
    """Show a project: what it costs and avoids, and its mains with their reasons."""
    found = plans.find_project(published(), project_id) or flask.abort(404)
    return render("reports/project.html", **found)


@pages.get("/reports")
@of_snapshot
def reports(source: Reader) -> ResponseReturnValue:
    """Show the reports and notebooks that dbt declares, and where the portal shows the same."""
    exposures = figures.exposures(source)
    for item in exposures:
        endpoint = f"{pages.name}.{item['page']}"
        item["endpoint"] = endpoint if endpoint in flask.current_app.view_functions else None
    return render("reports/report_overview.html", exposures=exposures)


@pages.get("/performance")
@of_snapshot
def performance(source: Reader) -> ResponseReturnValue:
    """Show how past predictions met what happened."""
    return render(
        "reports/performance.html",
        sees_all_areas=source.sees_all_areas,
        **figures.performance(source),
    )


@pages.get("/quality")
@of_snapshot
def quality(source: Reader) -> ResponseReturnValue:
    """Show what the checks of the data found."""
    return render(
        "reports/quality.html", sees_all_areas=source.sees_all_areas, **figures.quality(source)
    )
