"""`la-pipes run` from files to views, and dbt by itself in each state of a warehouse."""

import csv
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cities import DATA, ENGINES, ROOT, City, needs_real_data
from faults import all_rows, assert_same_rows
from la_pipeline_failure_predict.dbt_runner import Dbt
from la_pipeline_failure_predict.settings import read_settings


def dbt(city: City, *arguments: str) -> subprocess.CompletedProcess:
    """Type a dbt command, as an analytics engineer would."""
    return subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", *arguments],
        cwd=ROOT,
        env=os.environ | city.environment,
        capture_output=True,
        text=True,
    )


def test_dbt_build_passes_on_an_empty_warehouse(empty_city: City) -> None:
    # What needs no row, the unit tests, is built below.
    result = dbt(empty_city, "build", "--exclude-resource-types", "unit_test")
    assert result.returncode == 0, result.stdout[-3000:]
    assert re.search(r"WARN=0 ERROR=0 SKIP=0", result.stdout), result.stdout[-500:]
    assert empty_city.value("select count(*) from powerbi.pipe_risk") == 0
    assert empty_city.value("select count(*) from raw.pipes") == 0


def test_dbt_build_passes_with_data_and_no_scores(empty_city: City, sample_files: Path) -> None:
    for name in ("areas.geojson", "climate.csv", "pipes.csv", "breaks.csv"):
        path = sample_files.parent / name
        assert empty_city.la_pipes("load", path.stem, path).exit_code == 0
    result = dbt(empty_city, "build", "--exclude-resource-types", "unit_test")
    assert result.returncode == 0, result.stdout[-3000:]
    assert empty_city.value("select count(*) from features.fct_pipe_features") > 10_000
    assert empty_city.value("select count(*) from risk.fct_pipe_risk") == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_dbt_build_passes_with_scores(sample_cities: dict[str, City], engine: str) -> None:
    city = sample_cities[engine]
    before = city.rows("select * from powerbi.pipe_risk order by risk_rank limit 50")
    result = dbt(city, "build")
    assert result.returncode == 0, result.stdout[-3000:]
    assert city.rows("select * from powerbi.pipe_risk order by risk_rank limit 50") == before


def test_docs_without_a_warning(sample_cities: dict[str, City]) -> None:
    assert_quiet(dbt(sample_cities["duckdb"], "docs", "generate", "--warn-error"))


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_just_delivered_is_not_late(sample_cities: dict[str, City], engine: str) -> None:
    assert_quiet(dbt(sample_cities[engine], "source", "freshness", "--warn-error"))


def test_what_was_never_delivered_is_not_late(empty_city: City) -> None:
    assert_quiet(dbt(empty_city, "source", "freshness", "--warn-error"))


def test_breaks_of_two_months_ago_are_late(empty_city: City) -> None:
    assert empty_city.la_pipes("init").exit_code == 0
    with empty_city.connect() as warehouse:
        warehouse.execute(
            "insert into raw.breaks (break_id, broke_on, _source_file, _row_number, _load_id,"
            " _loaded_at) values ('1', date '2020-01-01', 'breaks.csv', 1, 'l',"
            " current_timestamp - interval '60 days')"
        )
    result = dbt(empty_city, "source", "freshness", "--select", "source:utility")
    assert result.returncode == 0, result.stdout[-3000:]
    assert re.findall(r"WARN freshness of (\S+)", result.stdout) == ["utility.breaks"]


def assert_quiet(result: subprocess.CompletedProcess) -> None:
    """Fail with what dbt printed if it ended with an error or printed a warning."""
    assert result.returncode == 0, result.stdout[-3000:]
    assert "warning" not in result.stdout.lower(), result.stdout[-3000:]


@pytest.mark.parametrize("engine", ENGINES)
def test_views_hold_what_power_bi_imports(sample_cities: dict[str, City], engine: str) -> None:
    city = sample_cities[engine]
    risk = city.rows(
        "select count(*) as mains, count(distinct pipe_id) as distinct_mains, "
        "max(risk_rank) as last_rank, max(cumulative_length_share) as share, "
        "min(expected_breaks) as least, sum(expected_breaks) as expected, "
        "count(distinct risk_class_code) as classes from powerbi.pipe_risk"
    )[0]
    assert risk["mains"] == risk["distinct_mains"] == risk["last_rank"] > 2500
    assert risk["share"] == pytest.approx(1)
    assert risk["classes"] == 4
    assert risk["least"] > 0
    last_year = city.value(
        "select count(*) from powerbi.pipe_breaks where broke_on >= date '2024-01-01'"
    )
    assert 0.3 * last_year < risk["expected"] < 3 * last_year
    joined = city.rows(
        "select count(*) as months, count(break_probability) as scored, "
        "count(case when break_count is null then 1 end) as ahead from powerbi.joined_risk_view"
    )[0]
    areas = city.value("select count(*) from powerbi.areas where area_id <> 'unknown'")
    assert joined["scored"] == 13 * areas  # the year held out, and the month ahead
    assert joined["ahead"] == areas + 1  # what lies in no area has its months too
    assert joined["months"] == 241 * (areas + 1)
    # Grouped by area, no break is lost.
    (sums,) = city.rows(
        "select (select sum(break_count) from powerbi.joined_risk_view) as by_area, "
        "(select sum(break_count) from powerbi.city_months) as by_month, "
        "(select count(*) from powerbi.pipe_breaks where is_in_record) as breaks"
    )
    assert sums["by_area"] == sums["by_month"] == sums["breaks"] > 100


@pytest.mark.parametrize("engine", ENGINES)
def test_lines_of_mains_reach_the_marts_as_delivered(
    sample_cities: dict[str, City], sample_files: Path, engine: str
) -> None:
    with (sample_files.parent / "pipes.csv").open(newline="") as file:
        delivered = {row["pipe_id"]: row["geometry_wkt"] for row in csv.DictReader(file)}
    kept = sample_cities[engine].rows("select pipe_id, line_wkt from core.dim_pipes")
    lines = {row["pipe_id"]: row["line_wkt"] for row in kept}
    assert {pipe_id: lines[pipe_id] for pipe_id in delivered} == delivered
    assert all(line.count(",") == 2 for line in delivered.values())  # bent, not just two ends


def test_running_again_skips_what_is_up_to_date(
    sample_cities: dict[str, City], sample_files: Path
) -> None:
    city = sample_cities["duckdb"]
    city.run_all(sample_files)
    printed = city.printed[-1]
    assert printed.count("loaded before") == 5
    for step in ("link", "build", "score", "publish"):
        assert f"{step}: up to date" in printed, printed
    assert printed.count("is there already") == 2
    assert "10 mains to look at first" in printed
    assert city.la_pipes("doctor").exit_code == 0


def later_breaks(sample_files: Path, folder: Path) -> Path:
    """Write a delivery of a month's new breaks, and of some that are told years late."""
    with (sample_files.parent / "breaks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    new = [row for row in rows if row["broke_on"].startswith("2024")][:9]
    late = [row for row in rows if row["broke_on"].startswith("2015")][:5]
    assert len(new) + len(late) > 10
    with (folder / "breaks.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        for row in new:
            day = "2025-01-" + row["broke_on"][8:]
            writer.writerow(row | {"break_id": f"N{row['break_id']}", "broke_on": day})
        for row in late:
            writer.writerow(row | {"break_id": f"L{row['break_id']}"})
    (folder / "mapping.yml").write_text("breaks: {record: {from: 2005-01-01, until: 2025-01-31}}")
    delivery = folder / "delivery.yml"
    delivery.write_text("deliveries: [{source: breaks, file: breaks.csv, mapping: mapping.yml}]\n")
    return delivery


@pytest.mark.parametrize("engine", ENGINES)
def test_a_refresh_gives_the_rows_of_a_full_build(
    sample_cities: dict[str, City],
    copy_city: Callable[[City], City],
    sample_files: Path,
    tmp_path: Path,
    engine: str,
) -> None:
    """New and late breaks, then the same withdrawn: only tables are rebuilt, and no row differs."""
    city = copy_city(sample_cities[engine])
    before = city.rows(FEATURES)
    city.run_all(later_breaks(sample_files, tmp_path))
    assert city.printed[-1].count("config.materialized:table") == 2, city.printed[-1]
    assert city.rows(RANKED_AS_OF) == [{"day": "2025-02-01"}]
    assert "first, with the breaks expected in the 12 months from 2025-02-01" in city.printed[-1]
    # Nothing was learned from a year that has not ended.
    assert city.value("select cast(max(trained_until) as text) from ml.pipe_scores") == "2025-01-01"
    refreshed = all_rows(city, HISTORIES)
    assert city.rows(FEATURES) != before
    result = dbt(city, "run", "--full-refresh", "--select", "fct_pipe_features")
    assert result.returncode == 0, result.stdout[-3000:]
    forced = city.la_pipes("run", "--force")
    assert forced.exit_code == 0, forced.output
    assert "config.materialized:table" not in forced.output
    assert_same_rows(refreshed, all_rows(city, HISTORIES), "rebuilt in full")

    load_id = city.value("select load_id from raw.loads order by loaded_at desc limit 1")
    assert city.la_pipes("loads", "withdraw", load_id).exit_code == 0
    withdrawn = city.la_pipes("run")
    assert "config.materialized:table" in withdrawn.output
    assert city.rows(FEATURES) == before
    assert city.rows(RANKED_AS_OF) == [{"day": "2025-01-01"}]


# They grow with every build.
HISTORIES = ("raw.steps", "staging.stg_quality__check_results")
RANKED_AS_OF = "select distinct cast(as_of_date as text) as day from powerbi.pipe_risk"
FEATURES = "select * from features.fct_pipe_features order by pipe_id, as_of_date"
PARTS = "select cast(as_of_date as text) as day, digest from features.fct_pipe_features__parts"
# What happens to the inputs of the features -> the snapshots, of 2011 to 2025, that it changes.
CHANGED_INPUTS = {
    "nothing": ("select 1", []),
    "a late break": (
        "update core.fct_breaks set broke_on = date '2020-06-01' "
        "where break_key = (select max(break_key) from core.fct_breaks where broke_on "
        "between date '2022-02-01' and date '2022-12-31')",
        range(2020, 2026),
    ),
    "a break withdrawn": (
        "delete from core.fct_breaks where break_key = (select max(break_key) from core.fct_breaks "
        "where broke_on between date '2019-02-01' and date '2019-12-31')",
        range(2019, 2026),
    ),
    "a main relaid": (
        "update core.dim_pipes set diameter_mm = diameter_mm + 1 "
        "where pipe_id = (select min(pipe_id) from core.dim_pipes where is_modelled)",
        range(2011, 2026),
    ),
    "a snapshot gone": (
        "delete from intermediate.int_dates__snapshots where as_of_date = date '2012-01-01'",
        [2012],
    ),
    "nothing known of it": ("update features.fct_pipe_features__parts set digest = ''", []),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_features_follow_their_inputs(
    sample_cities: dict[str, City],
    copy_city: Callable[[City], City],
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
) -> None:
    """Change what the features read: the snapshots that read it are rebuilt, and none differs."""
    city = copy_city(sample_cities[engine])
    for name, value in city.environment.items():
        monkeypatch.setenv(name, value)
    build = ("run", "--select", "fct_pipe_features")
    with Dbt(read_settings()) as dbt:
        dbt.parse_ahead()
        dbt.run(build)
        for what, (statement, years) in CHANGED_INPUTS.items():
            before = city.rows(PARTS)
            with city.connect() as warehouse:
                warehouse.execute(statement)
            dbt.run(build)
            found, after = city.rows(FEATURES), city.rows(PARTS)
            changed = {
                row["day"] for row in before + after if row not in before or row not in after
            }
            assert sorted(changed) == [f"{year}-01-01" for year in years], what
            dbt.run((*build, "--full-refresh"))
            assert city.rows(FEATURES) == found, what


def test_top_mains_say_why(sample_cities: dict[str, City], sample_files: Path) -> None:
    printed = "".join(sample_cities["duckdb"].printed)
    assert re.search(r"\n +\d+  P\d+ .*(cast iron|steel) of \d{4} \(x\d\.\d\)", printed)
    assert re.search(r"\(x\d\.\d\); .+ \(x\d\.\d\); .+ \(x\d\.\d\)", printed)
    ranks = [int(rank) for rank in re.findall(r"^ *(\d+)  P\d{7}", printed, re.MULTILINE)]
    stubs = ranks[-1] - len(set(ranks))
    assert bool(stubs) == (f"Left out of the ranks: {stubs:,} stub" in printed)
    own = sample_cities["duckdb"].value(
        "select count(*) from risk.fct_pipe_reason_codes where reason_code = 'own_breaks'"
    )
    assert own


def feature_columns(city: City, mart: str, *labels: str) -> list[str]:
    """Return the columns of a feature mart, the labels left out."""
    found = city.rows(
        "select column_name from information_schema.columns where table_schema = 'features' "
        f"and table_name = '{mart}' order by ordinal_position"
    )
    return [row["column_name"] for row in found if row["column_name"] not in labels]


@pytest.mark.parametrize("engine", ENGINES)
def test_later_records_change_no_feature(
    make_city, sample_files: Path, sample_cities: dict[str, City], engine: str, tmp_path: Path
) -> None:
    """Delete every break from 2022 on, rebuild, and the features until then are identical."""
    breaks = (sample_files.parent / "breaks.csv").read_text().splitlines()
    header, rows = breaks[0], breaks[1:]
    position = header.replace('"', "").split(",").index("broke_on")
    kept = [row for row in rows if row.replace('"', "").split(",")[position] < "2022-01-01"]
    assert 0 < len(kept) < len(rows)
    (tmp_path / "breaks.csv").write_text("\n".join([header, *kept]) + "\n")
    city = make_city(engine)
    for name in ("areas.geojson", "soils.geojson", "climate.csv", "pipes.csv"):
        city.la_pipes("load", name.split(".")[0], sample_files.parent / name)
    mapping = tmp_path / "mapping.yml"
    mapping.write_text("breaks: {record: {from: 2005-01-01, until: 2021-12-31}}")
    city.la_pipes("load", "breaks", tmp_path / "breaks.csv", "--mapping", mapping)
    city.la_pipes("link")
    result = dbt(city, "build", "--select", "+fct_pipe_features", "+fct_area_month_features")
    assert result.returncode == 0, result.stdout[-3000:]
    features = {
        "fct_pipe_features": ("as_of_date", "breaks_next_12m", "is_label_complete"),
        "fct_area_month_features": ("month_on", "break_count", "is_label_complete"),
    }
    for mart, (day, *labels) in features.items():
        columns = feature_columns(city, mart, *labels)
        sql = (
            f"select {', '.join(columns)} from features.{mart} "
            f"where {day} between date '2012-01-01' and date '2022-01-01' order by 1, 2"
        )
        without_future, whole = city.rows(sql), sample_cities[engine].rows(sql)
        assert len(whole) > 1000 or mart == "fct_area_month_features"
        assert without_future == whole, mart


@needs_real_data
@pytest.mark.parametrize("engine", ENGINES)
def test_later_records_change_no_feature_of_kitchener(
    kitchener_cities: dict[str, City], copy_city: Callable[[City], City], engine: str
) -> None:
    """Delete what Kitchener recorded from 2019 on, and the features until then are identical."""
    whole, city = kitchener_cities[engine], copy_city(kitchener_cities[engine])
    later = {
        "breaks": "broke_on >= date '2019-01-01'",
        "pipes": "installed_on >= date '2019-01-01'",
    }
    with city.connect() as warehouse:
        for table, condition in later.items():
            assert warehouse.scalar(f"select count(*) from raw.{table} where {condition}") > 100
            warehouse.execute(f"delete from raw.{table} where {condition}")
        warehouse.execute(
            "update raw.loads set record_until = date '2018-12-31' where table_name = 'breaks'"
        )
    # Without tests: what is left no longer adds up to the files.
    result = dbt(city, "run", "--select", "+fct_pipe_features")
    assert result.returncode == 0, result.stdout[-3000:]
    columns = feature_columns(city, "fct_pipe_features", "breaks_next_12m", "is_label_complete")
    # A year is kept by how many came after it: the copy goes back further.
    sql = (
        f"select {', '.join(columns)} from features.fct_pipe_features "
        "where as_of_date between date '2008-01-01' and date '2019-01-01' order by 1, 2"
    )
    without_future, before = city.rows(sql), whole.rows(sql)
    assert len(before) > 150_000
    assert without_future == before


def breaks_older_than_their_main() -> int:
    """Count them in the files themselves."""

    def rows(name: str) -> list[dict[str, str]]:
        with (DATA / "kitchener" / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    laid = {row["WATMAINID"]: row["INSTALLATION_DATE"] for row in rows("water_mains_2022-01.csv")}
    return sum(
        laid.get(row["ASSETID"], "")[:10] > row["INCIDENT_DATE"][:10]
        for row in rows("water_main_breaks_2022-01.csv")
        if row["BREAK_TYPE"] == "MAIN" and row["STATUS"] != "CANCELLED"
    )


@needs_real_data
@pytest.mark.parametrize("engine", ENGINES)
def test_kitchener_has_scores_as_of_the_end_of_its_record(
    kitchener_cities: dict[str, City], engine: str
) -> None:
    city = kitchener_cities[engine]
    (row,) = city.rows(
        "select count(*) as mains, cast(min(as_of_date) as text) as first_day, "
        "cast(max(as_of_date) as text) as last_day, sum(expected_breaks) as expected "
        "from powerbi.pipe_risk"
    )
    assert row["mains"] > 15_000
    assert row["first_day"] == row["last_day"] == "2022-01-22"  # the last break was the day before
    assert 40 < row["expected"] < 130  # 50 to 117 a year on record since 2008
    predating = city.value(
        "select count(*) from core.fct_breaks where link_status = 'predates_install'"
    )
    assert predating == breaks_older_than_their_main()
    metrics = {
        (item["model_name"], item["metric"]): item["value"]
        for item in city.rows("select * from ml.model_metrics where segment = 'all'")
    }
    assert metrics["empirical_bayes", "auc"] > 0.85
    assert metrics["empirical_bayes", "capture_at_10pct_length"] > 0.35


@needs_real_data
@pytest.mark.parametrize("engine", ENGINES)
def test_los_angeles_has_scores_by_neighbourhood_and_month(
    los_angeles_cities: dict[str, City], engine: str
) -> None:
    city = los_angeles_cities[engine]
    (row,) = city.rows(
        "select count(distinct area_id) as areas, count(break_probability) as scored, "
        "cast(max(month_on) as text) as last_month from powerbi.joined_risk_view "
        "where area_id <> 'unknown'"
    )
    assert row == {"areas": 114, "scored": 13 * 114, "last_month": "2013-07-01"}
    # Facts of the record: 4,137 leaks of the 4,283 that the city counted, 77 % on cast iron.
    (totals,) = city.rows(
        "select cast(sum(recorded_break_count) as double precision) "
        "/ sum(reported_break_count) as share from core.fct_city_months "
        "where month_on between date '2010-01-01' and date '2013-06-01'"
    )
    assert totals["share"] == pytest.approx(4137 / 4283)
    cast_iron = city.value(
        "select avg(case when material_group = 'cast_iron' then 1.0 else 0.0 end) "
        "from core.fct_breaks"
    )
    assert float(cast_iron) == pytest.approx(0.77, abs=0.03)
    assert city.value("select count(*) from core.dim_pipes") == 13_561 - 1_552
    assert city.value("select count(*) from core.dim_pipes where is_modelled") == 0


def test_a_partial_build_takes_no_view_along(
    sample_cities: dict[str, City], copy_city: Callable[[City], City]
) -> None:
    """Postgres drops the views over a view that is dropped: a reader would find none."""
    city = copy_city(sample_cities["postgres"])
    views = "select table_name from information_schema.tables where table_schema = 'powerbi'"
    before = {row["table_name"] for row in city.rows(views)}
    again = ("run", "--select", "stg_quality__check_results", "pbi_areas", "int_areas__conformed")
    result = dbt(city, *again)
    assert result.returncode == 0, result.stdout[-3000:]
    assert {row["table_name"] for row in city.rows(views)} == before
    # A view whose columns change is made anew.
    with city.connect() as warehouse:
        warehouse.execute("drop view powerbi.areas cascade")
        warehouse.execute("create view powerbi.areas as select 1 as area_key")
    result = dbt(city, "run", "--select", "pbi_areas")
    assert result.returncode == 0, result.stdout[-3000:]
    assert city.value("select count(*) from powerbi.areas where area_name = 'Unknown'") == 1


def test_dbt_build_of_no_rows_passes(empty_city: City, sample_files: Path) -> None:
    """With --empty every ref and source is a query with an alias of its own."""
    assert empty_city.la_pipes("load", "pipes", sample_files.parent / "pipes.csv").exit_code == 0
    result = dbt(empty_city, "build", "--empty", "--exclude-resource-types", "unit_test")
    assert result.returncode == 0, result.stdout[-3000:]
    assert empty_city.value("select count(*) from core.dim_pipes") == 0
    assert empty_city.value("select count(*) from quality.check_results") > 300


@pytest.mark.parametrize("engine", ENGINES)
def test_emptied_scores_are_written_again(
    sample_cities: dict[str, City], copy_city: Callable[[City], City], engine: str
) -> None:
    city = copy_city(sample_cities[engine])
    ranked = city.rows("select * from powerbi.pipe_risk order by risk_rank")
    with city.connect() as warehouse:
        warehouse.execute("delete from ml.pipe_scores")
    result = city.la_pipes("run")
    assert result.exit_code == 0, result.output
    assert "score: up to date" not in result.output
    again = city.rows("select * from powerbi.pipe_risk order by risk_rank")
    moments = [row.pop("scored_at", None) for row in ranked + again]
    assert len(moments) > 5000
    assert again == ranked


@pytest.mark.parametrize("engine", ENGINES)
def test_a_selection_of_nothing_is_told(
    sample_cities: dict[str, City], copy_city: Callable[[City], City], engine: str
) -> None:
    city = copy_city(sample_cities[engine])
    result = city.la_pipes("build", "--select", "fct_brakes")
    assert result.exit_code == 2
    assert "Nothing matches --select 'fct_brakes'" in result.output
    assert "build: up to date" in city.la_pipes("run").output
