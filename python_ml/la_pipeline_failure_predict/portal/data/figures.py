"""The figures of the pages that are no list of mains."""

from collections.abc import Mapping
from typing import Any

from la_pipeline_failure_predict.portal.data.reader import Reader, Row

PROJECTS_SHOWN = 200
# Complete months, and of them the newest twelve.
YEAR = """
    select
        max(month_on) as until_month, min(month_on) as from_month,
        cast(sum(break_count) as bigint) as breaks,
        -- Elsewhere the exposure is the size of the area.
        case
            when bool_and(exposure_basis_name like 'Mains%')
                then sum(exposure) / count(distinct month_on)
        end as km
    from joined_risk_view
    where break_count is not null and month_on > (
        select max(joined_risk_view.month_on) - interval 12 month
        from joined_risk_view
        inner join dates on joined_risk_view.month_on = dates.date_on and dates.is_complete_month
    )
    and month_on in (select date_on from dates where is_complete_month)
"""
CLASSES = """
    select
        risk_class_code, risk_class_name, count(*) as mains, sum(length_m) as length_m,
        sum(expected_breaks) as expected_breaks, sum(risk_usd) as risk_usd
    from pipe_risk
    group by risk_class_code, risk_class_name, risk_class_rank
    order by risk_class_rank
"""
AREAS = """
    select
        area_id, area_name, count(*) as mains, sum(length_m) as length_m,
        sum(expected_breaks) as expected_breaks, sum(risk_usd) as risk_usd,
        sum(expected_breaks) / nullif(sum(length_m) / 1000, 0) as breaks_per_km
    from pipe_risk
    group by area_id, area_name
    order by expected_breaks desc, area_id
    limit 10
"""
# Areas alone are scored where mains have no location.
AREA_MONTHS = """
    select
        area_id, area_name, sum(expected_breaks) as expected_breaks,
        min(month_on) as from_month, max(month_on) as until_month
    from joined_risk_view
    where expected_breaks is not null and month_on >= cast($since as date)
    group by area_id, area_name
    order by expected_breaks desc, area_id
    limit 10
"""
PLAN_TOTALS = """
    select
        count(*) as projects, cast(coalesce(sum(pipe_count), 0) as bigint) as mains,
        coalesce(sum(length_m), 0) as length_m, coalesce(sum(cost_usd), 0) as cost_usd,
        coalesce(sum(breaks_avoided_10y), 0) as breaks_avoided_10y,
        coalesce(sum(avoided_usd_10y), 0) as avoided_usd_10y
    from {projects}
"""


def dashboard(reader: Reader) -> Mapping[str, Any]:
    """Return what the first page shows."""
    return reader.keep("dashboard", lambda: _dashboard(reader))


def _dashboard(reader: Reader) -> Mapping[str, Any]:
    classes = reader.rows(CLASSES)
    newest = reader.row("select max(month_on) as month_on from joined_risk_view")
    since = reader.manifest.as_of_date
    if since is None and newest and newest["month_on"]:
        since = str(newest["month_on"])
    return {
        "year": reader.row(YEAR),
        "classes": classes,
        "expected": sum(row["expected_breaks"] or 0 for row in classes),
        "areas": reader.rows(AREAS),
        "area_months": [] if classes or since is None else reader.rows(AREA_MONTHS, since=since),
        "plan": reader.row(PLAN_TOTALS.format(projects="replacement_plan where is_within_budget")),
        "performance": performance(reader)["last"],
    }


def plan(reader: Reader, budget_usd: float | None) -> Mapping[str, Any]:
    """Return the projects that a budget buys, in order; None takes the budget of the plan."""
    chosen = (
        "is_within_budget"
        if budget_usd is None
        # What these areas would get of the money, if it were theirs alone.
        else "coalesce(running_usd, 0) <= $budget_usd and avoided_usd_10y > 0"
    )
    bound = {} if budget_usd is None else {"budget_usd": budget_usd}
    chosen_projects = f"""
        select * from (
            select
                *,
                sum(cost_usd) over (
                    order by plan_rank, project_id rows unbounded preceding
                ) as running_usd
            from replacement_plan
        ) as ordered
        where {chosen}
    """
    return {
        "projects": reader.rows(
            f"{chosen_projects} order by plan_rank, project_id limit {PROJECTS_SHOWN}", **bound
        ),
        "totals": reader.row(
            PLAN_TOTALS.format(projects=f"({chosen_projects}) as bought"), **bound
        ),
        "all": reader.keep(
            "plan", lambda: reader.row(PLAN_TOTALS.format(projects="replacement_plan"))
        ),
        "scenarios": reader.rows(
            "select rule_name, budget_usd, project_count, length_m, cost_usd, breaks_avoided_10y, "
            "avoided_usd_10y from plan_scenarios where is_near_budget "
            "order by budget_usd, rule_sort"
        ),
    }


def performance(reader: Reader) -> Mapping[str, Any]:
    """Return how well past predictions met what happened."""
    rows = reader.rows(
        "select * from model_performance where grain = 'pipe' or segment_kind = 'all' "
        "order by grain desc, period_on desc, segment_kind, segment"
    )
    whole = [row for row in rows if row["segment_kind"] == "all"]
    return {
        "last": whole[0] if whole else None,
        "rows": rows,
        "calibration": reader.rows(
            "select * from calibration where period_on = (select max(period_on) from calibration) "
            "order by tenth"
        ),
        "capture": reader.rows(
            "select * from capture_curve where segment = 'all' order by length_share, rule_sort"
        ),
    }


def quality(reader: Reader) -> Mapping[str, Any]:
    """Return what the checks found."""
    return {
        "counts": reader.rows(
            "select status_name, count(*) as checks from data_quality "
            "group by status_name, status_sort order by status_sort"
        ),
        "findings": reader.rows(
            "select * from data_quality where not is_passed "
            "order by status_sort, table_schema, table_name, check_key limit 200"
        ),
        "last": reader.row("select max(checked_at) as checked_at from data_quality"),
    }


def area_names(reader: Reader) -> list[Row]:
    """Return the areas of the city, for the pages of administrators."""
    return reader.rows("select area_id, area_name from areas order by area_name")
