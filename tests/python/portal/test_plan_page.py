"""The plan: what a budget buys, other rules, changed costs, projects and their mains."""

import re
from collections.abc import Callable

import pytest

from la_pipeline_failure_predict.portal.data import plan
from la_pipeline_failure_predict.portal.data.reader import Reader
from portal.conftest import Portal
from portal.test_exports import parse

BUDGET = 5_000_000


def running(reader: Reader) -> list[tuple[int, float, float]]:
    """Rank, avoided USD and cost so far of the projects, in order, added one by one."""
    so_far, found = 0.0, []
    for row in reader.rows(
        "select plan_rank, avoided_usd_10y, cost_usd from replacement_plan order by plan_rank"
    ):
        so_far += row["cost_usd"]
        found.append((row["plan_rank"], row["avoided_usd_10y"], so_far))
    return found


def test_a_budget_buys_the_first_projects_that_it_pays_for(reader: Reader) -> None:
    affordable = [rank for rank, avoided, cost in running(reader) if cost <= BUDGET and avoided > 0]
    found = plan.read_plan(reader, plan.Wanted(BUDGET))
    assert [project["plan_rank"] for project in found["projects"]] == affordable
    assert found["totals"]["projects"] == len(affordable) > 1
    assert found["totals"]["cost_usd"] == pytest.approx(
        sum(project["cost_usd"] for project in found["projects"])
    )
    assert found["totals"]["cost_usd"] <= BUDGET
    whole = plan.read_plan(reader, plan.Wanted(1e12))["totals"]
    (useful,) = reader.rows(
        "select count(*) as projects from replacement_plan where avoided_usd_10y > 0"
    )
    assert whole["projects"] == useful["projects"]
    (published,) = reader.rows(
        "select count(*) as projects, sum(cost_usd) as cost_usd from replacement_plan "
        "where is_within_budget"
    )
    without = plan.read_plan(reader, plan.Wanted())["totals"]
    assert without["projects"] == published["projects"]
    assert without["cost_usd"] == pytest.approx(published["cost_usd"])


def test_changed_costs_are_those_of_the_published_projects_times_their_factors(
    reader: Reader,
) -> None:
    before = plan.read_plan(reader, plan.Wanted())
    after = plan.read_plan(reader, plan.Wanted(None, renewal=2, consequence=3))
    for name, times in (("cost_usd", 2), ("avoided_usd_10y", 3), ("breaks_avoided_10y", 1)):
        assert after["totals"][name] == pytest.approx(before["totals"][name] * times), name
    for one, other in zip(before["projects"], after["projects"], strict=True):
        assert one["project_id"] == other["project_id"], "the order stays"
        assert other["avoided_per_usd"] == pytest.approx(one["avoided_per_usd"] * 1.5)
        assert other["avoided_per_usd"] == pytest.approx(
            other["avoided_usd_10y"] / other["cost_usd"]
        )
    # Twice the cost is half the budget.
    half = plan.read_plan(reader, plan.Wanted(BUDGET))["totals"]
    same = plan.read_plan(reader, plan.Wanted(BUDGET * 2, renewal=2))["totals"]
    assert same["projects"] == half["projects"]
    for one, other in zip(before["curve"], after["curve"], strict=True):
        assert other["budget_usd"] == pytest.approx(one["budget_usd"] * 2)
        assert other["rules"][0][1] == pytest.approx(one["rules"][0][1] * 3)


def test_the_curve_is_what_each_rule_avoids(reader: Reader) -> None:
    curve = plan.read_plan(reader, plan.Wanted())["curve"]
    for number, rank in enumerate(plan.RULES):
        ordered = reader.rows(
            f"select cost_usd, breaks_avoided_10y, avoided_usd_10y from replacement_plan "
            f"order by {rank}"
        )
        for point in curve:
            spent, breaks, avoided = 0.0, 0.0, 0.0
            for row in ordered:
                spent += row["cost_usd"]
                if spent > point["budget_usd"]:
                    break
                breaks += row["breaks_avoided_10y"]
                avoided += row["avoided_usd_10y"]
            assert point["rules"][number] == pytest.approx((breaks, avoided)), (rank, point)
    assert curve[-1]["rules"][0][1] > max(usd for _, usd in curve[-1]["rules"][1:])


def test_rules_are_called_as_the_warehouse_calls_them(reader: Reader) -> None:
    named = reader.rows("select distinct rule_code, rule_name from plan_scenarios")
    names = {row["rule_code"]: row["rule_name"] for row in named}
    codes = ("avoided_per_usd", "oldest", "most_breaks")
    assert list(plan.RULES.values()) == [names[code] for code in codes]


def test_planners_alone_change_costs_and_the_page_says_so(portal: Portal) -> None:
    planner, viewer = portal.signed_in("planner"), portal.signed_in("viewer")
    address = f"/plan?budget={BUDGET}&renewal=1.25&consequence=0.5"
    text = planner.get(address).text
    assert "this is not the published plan" in text
    assert "renewal=1.25" in text, "the download is of what is shown"
    assert "not the published plan" not in planner.get("/plan").text
    assert viewer.get(address).status_code == 403
    assert viewer.get(f"/plan?budget={BUDGET}").status_code == 200
    assert 'name="renewal"' not in viewer.get("/plan").text
    assert 'name="renewal"' in planner.get("/plan").text
    for odd in ("renewal=0", "renewal=11", "consequence=nan", "renewal=x", "consequence=-1"):
        assert "not the published plan" not in planner.get(f"/plan?{odd}").text, odd


def test_a_slider_sets_the_budget_without_a_script(portal: Portal) -> None:
    browser = portal.signed_in("viewer")
    slider = re.search(
        r'<input type="range" name="budget" min="(\d+)" max="(\d+)" step="(\d+)" value="(\d+)"',
        browser.get("/plan?budget=9000000").text,
    )
    assert slider
    least, most, step, value = map(int, slider.groups())
    assert value == 9_000_000
    assert least == step == most // 100
    dearest = browser.get(f"/plan?budget={most}").text
    assert f'value="{most}"' in dearest


@pytest.mark.parametrize("query", ["", f"budget={BUDGET}", f"budget={BUDGET}&renewal=2"])
def test_downloads_have_the_projects_of_the_page(portal: Portal, query: str) -> None:
    browser = portal.signed_in("planner")
    said, rows = parse(browser.get(f"/plan.csv?{query}"), "csv")
    also_said, also = parse(browser.get(f"/plan.xlsx?{query}"), "xlsx")
    shown = re.findall(r'<a href="/plan/([^"]+)"', browser.get(f"/plan?{query}").text)
    assert [row["project_id"] for row in rows] == shown
    assert [row["project_id"] for row in also] == shown
    assert [float(row["cost_usd"]) for row in rows] == pytest.approx(
        [row["cost_usd"] for row in also]
    )
    assert said == also_said
    assert ("not the published plan" in said["filter"]) == ("renewal" in query)


def test_a_project_leads_to_its_mains_and_their_reasons(portal: Portal, reader: Reader) -> None:
    (project,) = reader.rows("select * from replacement_plan where plan_rank = 1")
    mains = reader.rows(
        "select pipe_id, reasons from pipe_risk where project_id = $id",
        id=project["project_id"],
    )
    text = portal.signed_in("viewer").get(f"/plan/{project['project_id']}").text
    assert len(mains) == project["pipe_count"]
    for main in mains:
        assert f'href="/pipe/{main["pipe_id"]}"' in text
        assert main["reasons"] in text


def test_projects_of_foreign_areas_are_not_there(
    portal: Portal, areas_of: dict[str, list[str]], reader_of: Callable[..., Reader]
) -> None:
    mine, theirs = sorted(areas_of)[:2]
    project = "select project_id from replacement_plan where area_id = $area order by plan_rank"
    (own, *_), (foreign, *_) = (reader_of().rows(project, area=area) for area in (mine, theirs))
    browser = portal.signed_in("planner", (mine,))
    assert browser.get(f"/plan/{own['project_id']}").status_code == 200
    assert browser.get(f"/plan/{foreign['project_id']}").status_code == 404
    own_projects = {row["project_id"] for row in reader_of().rows(project, area=mine)}
    for kind in ("csv", "xlsx"):
        _, rows = parse(browser.get(f"/plan.{kind}?budget=1e11"), kind)
        assert rows
        assert {row["project_id"] for row in rows} <= own_projects, kind
    # The budget is theirs alone, and so is what other rules would avoid.
    scoped = reader_of((mine,))
    ranks = [rank for rank, avoided, cost in running(scoped) if cost <= BUDGET and avoided > 0]
    found = plan.read_plan(scoped, plan.Wanted(BUDGET))
    assert [row["plan_rank"] for row in found["projects"]] == ranks
    whole = plan.read_plan(reader_of(), plan.Wanted())["curve"][-1]["rules"][0][1]
    assert found["curve"][-1]["rules"][0][1] < whole
