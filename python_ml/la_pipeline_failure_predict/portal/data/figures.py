"""The figures of the pages that are no list of mains."""

from collections.abc import Mapping, Sequence
from typing import Any

from la_pipeline_failure_predict.portal.data import plan
from la_pipeline_failure_predict.portal.data.reader import Reader, Row

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
MATERIALS = """
    select
        material_name, count(*) as mains, sum(length_m) as length_m,
        sum(expected_breaks) as expected_breaks, sum(risk_usd) as risk_usd
    from pipe_risk
    group by material_name
    order by risk_usd desc, material_name
"""
# Breaks of what is scored, and what was expected of it: the city's months where all areas are seen,
# the areas' elsewhere.
CITY_MONTHS = """
    select
        month_on, coalesce(judged_break_count, break_count) as breaks, expected_breaks,
        expected_basis_name as basis_name
    from city_months
    where is_complete_month
"""
SCOPED_MONTHS = """
    select
        month_on, cast(sum(break_count) as integer) as breaks,
        sum(expected_breaks) as expected_breaks, 'Areas' as basis_name
    from joined_risk_view
    where month_on in (select date_on from dates where is_complete_month)
    group by month_on
"""
MONTHS_SHOWN = 36
LAST_CHECK = "select max(checked_at) as checked_at from data_quality"


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
        "materials": reader.rows(MATERIALS),
        "months": _months(reader),
        "plan": reader.row(f"{plan.TOTALS} from replacement_plan where is_within_budget"),
        "performance": performance(reader)["last"],
        "checked": reader.row(LAST_CHECK),
    }


def _months(reader: Reader) -> list[Row]:
    """Return the newest complete months, the oldest first."""
    months = CITY_MONTHS if reader.sees_all_areas else SCOPED_MONTHS
    newest = reader.rows(f"{months} order by month_on desc limit {MONTHS_SHOWN}")
    return newest[::-1]


def judged(months: Sequence[Row]) -> Row | None:
    """Return breaks and expectation of the last year, of its months that have both."""
    both = [month for month in months if month["expected_breaks"] is not None]
    if not both:
        return None
    year = both[-1]["month_on"].year
    counted = [month for month in both if month["month_on"].year == year]
    return {
        "year": year,
        "until_month": counted[-1]["month_on"],
        "breaks": sum(month["breaks"] for month in counted),
        "expected_breaks": sum(month["expected_breaks"] for month in counted),
    }


def exposures(reader: Reader) -> list[Row]:
    """Return the reports and notebooks that dbt declares."""
    return reader.rows("select * from exposures order by kind, exposure_id")


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
        "last": reader.row(LAST_CHECK),
    }


def area_names(reader: Reader) -> list[Row]:
    """Return the areas of the city, for the pages of administrators."""
    return reader.rows("select area_id, area_name from areas order by area_name")
