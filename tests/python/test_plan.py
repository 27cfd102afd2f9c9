"""`la-pipes plan`: what a budget buys, and every answer to a budget that buys nothing."""

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from cities import City, needs_real_data
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.report.plan import Plan, choose, compare


def project(rank: int, cost: float, length_m: float, avoided: float, **ranks: int) -> dict:
    return {
        "project_id": f"P{rank}",
        "as_of_date": date(2022, 1, 1),
        "plan_rank": rank,
        "breaks_rank": ranks.get("breaks", rank),
        "most_breaks_rank": ranks.get("most_breaks", rank),
        "oldest_rank": ranks.get("oldest", rank),
        "cost_usd": cost,
        "length_m": length_m,
        "avoided_usd_10y": avoided,
    }


BY_HAND = Plan(
    (
        project(1, 60.0, 10.0, 30.0, oldest=3),
        project(2, 50.0, 40.0, 20.0, oldest=1),
        project(3, 40.0, 30.0, 10.0, oldest=2),
        project(4, 1.0, 20.0, 0.0, oldest=4),
    )
)


def ranks(plan: Plan, **limits: object) -> list[int]:
    return [row["plan_rank"] for row in choose(plan, **limits).projects]  # type: ignore[arg-type]


def test_a_project_that_does_not_fit_is_passed_over() -> None:
    assert ranks(BY_HAND, budget_usd=100.0) == [1, 3]
    assert ranks(BY_HAND, budget_usd=110.0) == [1, 2]


def test_nothing_is_spent_on_a_project_that_avoids_nothing() -> None:
    assert ranks(BY_HAND, budget_usd=1e9) == [1, 2, 3]


def test_both_limits_hold() -> None:
    assert ranks(BY_HAND, length_share=0.5) == [1, 2]
    assert ranks(BY_HAND, budget_usd=100.0, length_share=0.4) == [1, 3]


def test_simple_rules_get_the_money_that_was_spent() -> None:
    chosen = choose(BY_HAND, budget_usd=105.0)
    assert chosen.total("cost_usd") == 100.0
    spent = {choice.rule: choice.total("cost_usd") for choice in compare(BY_HAND, chosen)}
    assert spent == {
        "cost avoided per $": 100.0,
        "breaks avoided per $": 100.0,
        "most breaks first": 100.0,
        "oldest first": 90.0,
    }


def test_a_budget_for_nothing_says_what_the_cheapest_costs() -> None:
    with pytest.raises(UserError, match=r"the cheapest costs \$1, and the shortest is 10 m"):
        choose(BY_HAND, budget_usd=0.5)


def test_plan_stays_within_the_budget_and_names_its_mains(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    city, file = sample_cities["duckdb"], tmp_path / "new folder" / "plan.csv"
    result = city.la_pipes("plan", "--budget", "5M", "--to", file)
    assert result.exit_code == 0, result.output
    assert "cost avoided per $" in result.output
    assert "oldest first" in result.output
    rows = list(csv.DictReader(file.open(newline="")))
    assert rows
    assert sum(float(row["cost_usd"]) for row in rows) <= 5e6
    best = city.rows("select project_id from powerbi.replacement_plan where plan_rank = 1")
    assert rows[0]["project_id"] == best[0]["project_id"]
    lengths = {
        row["pipe_id"]: row["length_m"]
        for row in city.rows("select pipe_id, length_m from core.dim_pipes")
    }
    for row in rows:
        mains = row["pipe_ids"].split()
        assert len(mains) == int(row["pipe_count"])
        assert sum(lengths[main] for main in mains) == pytest.approx(float(row["length_m"]))


def test_plan_prints_the_same_on_both_engines(sample_cities: dict[str, City]) -> None:
    printed = {
        city.la_pipes("plan", "--length-share", "0.5%").output for city in sample_cities.values()
    }
    assert len(printed) == 1
    assert "0.50% of the length" in printed.pop()


def test_the_budget_is_that_of_the_project_when_none_is_named(
    sample_cities: dict[str, City],
) -> None:
    result = sample_cities["duckdb"].la_pipes("plan", "--rows", "1")
    assert result.exit_code == 0, result.output
    assert "Renewals for $25,000,000" in result.output
    assert "more (--rows, or --to for all of them)" in result.output


def test_breaks_can_count_alike(sample_cities: dict[str, City], tmp_path: Path) -> None:
    avoided = {}
    for by in ("cost", "breaks"):
        file = tmp_path / f"{by}.csv"
        result = sample_cities["duckdb"].la_pipes(
            "plan", "--by", by, "--budget", "5M", "--to", file
        )
        assert result.exit_code == 0, result.output
        rows = list(csv.DictReader(file.open(newline="")))
        avoided[by] = (
            sum(float(row["avoided_usd_10y"]) for row in rows),
            sum(float(row["breaks_avoided_10y"]) for row in rows),
        )
    assert avoided["cost"][0] > avoided["breaks"][0]
    assert avoided["cost"][1] < avoided["breaks"][1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--budget", "0"], "'0' is not an amount above 0, such as 25e6 or 25M."),
        (["--budget", "-5"], "'-5' is not an amount above 0"),
        (["--budget", "nan"], "'nan' is not an amount above 0"),
        (["--budget", "1e999"], "'1e999' is not an amount above 0"),
        (["--budget", "1.2.3"], "'1.2.3' is not an amount above 0"),
        (["--length-share", "0%"], "'0%' is not a share of the length, such as 0.5%."),
        (["--length-share", "150%"], "'150%' is not a share of the length"),
        (["--length-share", "half"], "'half' is not a share of the length"),
        (["--budget", "10"], "No project fits: the cheapest costs $"),
    ],
)
def test_a_bad_limit_gets_one_sentence(
    sample_cities: dict[str, City], tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    file = tmp_path / "plan.csv"
    result = sample_cities["duckdb"].la_pipes("plan", *arguments, "--to", file)
    assert result.exit_code == 2
    assert sentence in result.output
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_named(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    result = sample_cities["duckdb"].la_pipes("plan", "--to", tmp_path / "taken" / "plan.csv")
    assert result.exit_code == 2
    assert f"Cannot write {tmp_path / 'taken' / 'plan.csv'}" in result.output


def test_without_a_plan_the_mend_is_named(duckdb_city: City) -> None:
    duckdb_city.la_pipes("init")
    result = duckdb_city.la_pipes("plan")
    assert result.exit_code == 2
    assert "There is no plan in this warehouse yet: run la-pipes run." in result.output


@needs_real_data
def test_los_angeles_has_no_mains_to_plan(los_angeles_cities: dict[str, City]) -> None:
    result = los_angeles_cities["duckdb"].la_pipes("plan")
    assert result.exit_code == 2
    assert "No main of this warehouse is scored" in result.output


@needs_real_data
def test_kitchener_plans_by_street(kitchener_cities: dict[str, City]) -> None:
    city = kitchener_cities["duckdb"]
    result = city.la_pipes("plan", "--budget", "10e6")
    assert result.exit_code == 0, result.output
    rules = city.rows(
        "select bundling_rule, cast(sum(pipe_count) as double precision) as mains "
        "from risk.fct_replacement_plan group by 1"
    )
    mains = {row["bundling_rule"]: row["mains"] for row in rules}
    assert mains["street"] > 0.95 * sum(mains.values())


def test_a_plan_runs_no_formula_in_a_spreadsheet(
    sample_cities: dict[str, City], copy_city: Callable[[City], City], tmp_path: Path
) -> None:
    city = copy_city(sample_cities["duckdb"])
    with city.connect() as warehouse:
        warehouse.execute("update risk.fct_replacement_plan set street_name = '=1+1'")
    result = city.la_pipes("plan", "--to", tmp_path / "plan.csv")
    assert result.exit_code == 0, result.output
    with (tmp_path / "plan.csv").open(newline="") as lines:
        assert {row["street_name"] for row in csv.DictReader(lines)} == {"'=1+1"}


def test_a_plan_takes_the_place_of_no_device_and_no_link(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "kept.csv").write_text("kept")
    (tmp_path / "link.csv").symlink_to(tmp_path / "kept.csv")
    for place in ("pipe", "link.csv", "/dev/null"):
        result = sample_cities["duckdb"].la_pipes("plan", "--to", tmp_path / place)
        assert result.exit_code == 2
        assert "is not an ordinary file: move it away, or name another file" in result.output
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "kept.csv").read_text() == "kept"


def test_a_command_goes_on_when_nobody_reads_what_it_says(sample_cities: dict[str, City]) -> None:
    command = [sys.executable, "-m", "la_pipeline_failure_predict.cli", "plan", "--rows", "2000"]
    environment = os.environ | sample_cities["duckdb"].environment
    piped = subprocess.PIPE
    with subprocess.Popen(command, stdout=piped, stderr=piped, env=environment) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
