"""`la-pipes check`: a clean city passes, and every kind of broken rule is found and told."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cities import ENGINES, ROOT, City, needs_real_data

Copy = Callable[[City], City]

# What is done to the warehouse, what the check must then say, and how bad that is.
FAULTS = (
    (
        "update raw.pipes set length_m = -3 where _row_number in (5, 6)",
        "error",
        r"raw.pipes length_m_range: 2 of 3,000 rows: length_m is outside .*for example -3.0",
    ),
    (
        "alter table raw.pipes alter column pipe_id drop not null;"
        "update raw.pipes set pipe_id = null where _row_number = 9",
        "error",
        r"raw.pipes pipe_id_required: 1 of 3,000 rows: pipe_id is missing$",
    ),
    (
        "update raw.pipes set installed_on = date '2999-01-01' where _row_number = 8",
        "error",
        r"raw.pipes installed_in_future: 1 of 3,000 rows: .*_row_number=8",
    ),
    (
        "update raw.pipes set street_name = repeat('x', 2000) where _row_number = 7",
        "error",
        r"raw.pipes street_name_length: 1 of 3,000 rows: .*xxx…",
    ),
    (
        "update raw.pipes set diameter_mm = diameter_mm / 25.4",
        "warning",
        r"raw.pipes median_diameter: The median .*\(\d.*, must be at least 40 and at most 1500\)",
    ),
    (
        "update raw.soils set corrosivity_steel = 'PUMP' where _row_number <= 3",
        "warning",
        r"raw.soils corrosivity_steel_codes: 3 of .*for example 'PUMP'",
    ),
    (
        "update raw.breaks set pipe_id = null",
        "warning",
        r"raw.breaks pipe_id_missing: .*100 % of the rows, must be at most 25",
    ),
    (
        "insert into raw.breaks select * from raw.breaks where _row_number = 4",
        "error",
        r"raw.breaks repeated_break_id: 1 of .*break_id=.*row_count=2",
    ),
    (
        "update raw.areas set geometry_wkt = 'POLYGON ((500 0' where _row_number = 1",
        "error",
        r"raw.areas geometry_wkt_wkt: 1 of 3 rows: .*for example POLYGON \(\(500 0",
    ),
    (
        "insert into raw.la_monthly_breaks (month, total, _source_file, _row_number, _load_id, "
        "_loaded_at) select 'July 03', '12', 'x.csv', 1, 'x', timestamp '2024-01-01 00:00:00'",
        "error",
        r"raw.la_monthly_breaks month_pattern: 1 of 1 rows: .*for example 'July 03'",
    ),
    (
        "alter table raw.climate drop column rainfall_mm cascade",
        "error",
        r"raw.climate columns: columns of the contract are missing: .*for example rainfall_mm",
    ),
    (
        "insert into ml.pipe_scores select * from ml.pipe_scores limit 1",
        "error",
        r"ml.pipe_scores key: 1 of .*run_id, pipe_id, as_of_date are repeated",
    ),
    (
        "update quality.fct_plausibility set figure_value = 0.84, is_within = false "
        "where figure = 'observed_over_expected' and segment = 'pipe'",
        "warning",
        r"quality.fct_plausibility observed_over_expected_warning: 1 of .*figure_value=0.84 "
        r"lower_bound=0.85 ",
    ),
    (
        "drop view if exists powerbi.areas cascade;"
        "create view powerbi.areas as select area_id from core.dim_areas",
        "error",
        r"powerbi.areas columns: columns of the contract are missing: .*area_name",
    ),
)


@pytest.fixture(scope="module")
def clean(sample_cities: dict[str, City], tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What a check of the untouched city printed and wrote, by engine."""
    found = {}
    for engine, city in sample_cities.items():
        folder = tmp_path_factory.mktemp(f"check-{engine}")
        result = city.la_pipes("check", "--docs", folder / "docs", "--junit", folder / "check.xml")
        found[engine] = (result, folder)
    return found


@pytest.mark.parametrize("engine", ENGINES)
def test_a_clean_city_passes(clean: dict, engine: str) -> None:
    result, folder = clean[engine]
    assert result.exit_code == 0, result.output
    assert re.search(r"Checked \d{3} rules of \d\d tables: 0 failed, 0 warnings\.", result.output)
    for name in ("raw.pipes", "raw.breaks", "ml.pipe_scores", "quality.fct_plausibility"):
        assert re.search(rf"^{name} +\d+ rules, [\d,]+ rows", result.output, re.MULTILINE)
    assert re.search(r"^raw.ladwp_leaks +not checked: no rows$", result.output, re.MULTILINE)
    assert result.output.count("raw.ladwp_leaks") == 1
    suites = ElementTree.parse(folder / "check.xml").getroot()
    assert int(suites.get("tests")) == len(suites.findall(".//testcase")) > 300
    assert not suites.findall(".//failure")
    skipped = suites.find("testsuite[@name='raw.ladwp_leaks']").findall("testcase/skipped")
    assert len(skipped) > 10


@needs_real_data
def test_kitcheners_quiet_year_is_an_alarm_and_no_failure(kitchener_cities: dict) -> None:
    """66 breaks in 2021 where 83 were expected: under 0.85, and within chance."""
    result = kitchener_cities["duckdb"].la_pipes("check", "--tables", "fct_plausibility")
    assert result.exit_code == 0, result.output
    assert "observed_over_expected_warning: 1 of" in result.output
    assert "figure_value=0.79" in result.output
    assert "beyond_chance_warning" not in result.output


@pytest.mark.parametrize("engine", ENGINES)
def test_both_engines_find_the_same(clean: dict, engine: str) -> None:
    def rules(name: str) -> list[str]:
        root = ElementTree.parse(clean[name][1] / "check.xml").getroot()
        return [f"{case.get('classname')}.{case.get('name')}" for case in root.iter("testcase")]

    assert rules(engine) == rules("duckdb")


@pytest.mark.parametrize("engine", ENGINES)
def test_data_docs_need_no_network(clean: dict, engine: str) -> None:
    _, folder = clean[engine]
    pages = sorted((folder / "docs").glob("*.html"))
    assert len(pages) > 25
    for page in pages:
        text = page.read_text()
        assert "<script" not in text
        assert not re.search(r"https?://", text), page
        for target in re.findall(r'(?:href|src)="([^"#]+)"', text):
            assert (page.parent / target).is_file(), f"{page.name} links to {target}"
    index = (folder / "docs" / "index.html").read_text()
    assert "raw.pipes.html" in index
    assert "length_m" in (folder / "docs" / "raw.pipes.html").read_text()
    # A table without rows is told once, and has neither passed nor a page.
    assert re.findall(r"raw\.ladwp_leaks.*", index) == [
        'raw.ladwp_leaks</td><td colspan="6">not checked: no rows</td></tr>'
    ]


def test_data_docs_replace_their_own_pages_alone(duckdb_city: City, tmp_path: Path) -> None:
    duckdb_city.la_pipes("init")
    for folder in ("site", ".site.new"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "about.html").write_text("mine")
    command = ("check", "--tables", "raw.loads", "--docs")
    for taken in (tmp_path / "site", "/"):
        result = duckdb_city.la_pipes(*command, taken)
        assert result.exit_code == 2
        assert "holds other files: name an empty folder with --docs" in result.output
    docs = tmp_path / "docs"
    assert duckdb_city.la_pipes(*command, docs).exit_code == 0
    (docs / "about.html").write_text("mine")
    (docs / "raw.gone.html").write_text((docs / "index.html").read_text())
    assert duckdb_city.la_pipes(*command, docs).exit_code == 0
    assert not (docs / "raw.gone.html").exists()
    for kept in ("site", ".site.new", "docs"):
        assert (tmp_path / kept / "about.html").read_text() == "mine"


@pytest.mark.parametrize("engine", ENGINES)
def test_every_kind_of_fault_is_found(
    sample_cities: dict[str, City], copy_city: Copy, engine: str, tmp_path: Path
) -> None:
    city = copy_city(sample_cities[engine])
    with city.connect() as warehouse:
        for spoil, _, _ in FAULTS:
            for statement in spoil.split(";"):
                warehouse.execute(statement)
    result = city.la_pipes(
        "check",
        "--docs",
        tmp_path / "docs",
        "--junit",
        tmp_path / "check.xml",
        "--format",
        "github",
    )
    assert result.exit_code == 1, result.output
    for _, level, sentence in FAULTS:
        assert re.search(f"^{level}: {sentence}", result.output, re.MULTILINE), (
            f"no {sentence} in\n{result.output}"
        )
    annotations = [line for line in result.output.splitlines() if line.startswith("::")]
    assert len(annotations) >= len(FAULTS)
    for line in annotations:
        assert re.fullmatch(r"::(error|warning) title=[^:,]+::.+", line)
    root = ElementTree.parse(tmp_path / "check.xml").getroot()
    failed = {
        f"{case.get('classname')} {case.get('name')}"
        for case in root.iter("testcase")
        if case.find("failure") is not None
    }
    assert {"raw.pipes length_m_range", "ml.pipe_scores key"} <= failed
    assert "raw.soils corrosivity_steel_codes" not in failed  # a warning fails no run
    page = (tmp_path / "docs" / "raw.pipes.html").read_text()
    assert "length_m is outside" in page
    kept = city.rows(
        "select status, failures, row_count, failure_share, message from powerbi.data_quality "
        "where checked_by = 'check' and table_name = 'pipes' and rule = 'length_m_range'"
    )
    assert [(row["status"], row["failures"], row["row_count"]) for row in kept] == [
        ("fail", 2, 3000)
    ]
    assert kept[0]["failure_share"] == pytest.approx(2 / 3000)
    assert kept[0]["message"].startswith("length_m is outside")


@pytest.mark.parametrize("engine", ENGINES)
def test_warnings_alone_end_well(
    sample_cities: dict[str, City], copy_city: Copy, engine: str, tmp_path: Path
) -> None:
    city = copy_city(sample_cities[engine])
    with city.connect() as warehouse:
        warehouse.execute("update raw.soils set corrosivity_steel = 'PUMP' where _row_number = 1")
    result = city.la_pipes("check", "--tables", "raw.soils", "--docs", tmp_path)
    assert result.exit_code == 0, result.output
    assert "warning: raw.soils corrosivity_steel_codes" in result.output
    assert "0 failed, 1 warnings" in result.output
    assert "raw.pipes" not in result.output


@pytest.mark.parametrize("engine", ENGINES)
def test_a_view_over_what_is_gone_is_told(
    sample_cities: dict[str, City], copy_city: Copy, engine: str, tmp_path: Path
) -> None:
    city = copy_city(sample_cities[engine])
    with city.connect() as warehouse:
        warehouse.execute("drop table core.dim_dates cascade")
    result = city.la_pipes("check", "--tables", "powerbi.dates", "--docs", tmp_path)
    # Postgres drops the view with the table, so nothing is left to check; DuckDB keeps it.
    if engine == "duckdb":
        assert result.exit_code == 1
        assert "powerbi.dates columns: could not be evaluated: Catalog Error" in result.output
    else:
        assert result.exit_code == 2
    assert "run la-pipes build" in result.output


@pytest.mark.parametrize("engine", ENGINES)
def test_an_implausible_network_fails(
    sample_cities: dict[str, City], copy_city: Copy, engine: str, tmp_path: Path
) -> None:
    """Inches for millimeters and swapped coordinates break no rule of a row."""
    city = copy_city(sample_cities[engine])
    with city.connect() as warehouse:
        warehouse.execute("update core.dim_pipes set diameter_mm = diameter_mm / 25.4")
        warehouse.execute("update core.fct_breaks set x_m = y_m + 9000000, y_m = x_m")
    built = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "build", "--select", "fct_plausibility"],
        cwd=ROOT,
        env=os.environ | city.environment,
        capture_output=True,
        text=True,
    )
    assert "plausible_figures" in built.stdout
    assert built.returncode == 1, built.stdout
    result = city.la_pipes("check", "--tables", "fct_plausibility", "--docs", tmp_path)
    assert result.exit_code == 1, result.output
    for level, figure in (
        ("error", "median_diameter_mm"),
        ("error", "breaks_off_network_share"),
    ):
        assert re.search(
            rf"^{level}: quality.fct_plausibility {figure}: 1 of", result.output, re.MULTILINE
        ), result.output
    assert "name the unit (inches?) in the mapping" in result.output


@pytest.mark.parametrize("engine", ENGINES)
def test_what_dbt_found_and_what_was_set_aside_are_in_power_bi(
    sample_cities: dict[str, City], copy_city: Copy, engine: str, tmp_path: Path
) -> None:
    city = copy_city(sample_cities[engine])
    (tmp_path / "breaks.csv").write_text(
        "break_id,broke_on,pipe_id\nN1,2024-05-01,P0000001\n,2024-05-02,P0000001\n"
    )
    loaded = city.la_pipes("load", "breaks", tmp_path / "breaks.csv", "--max-rejects", "60%")
    assert loaded.exit_code == 0, loaded.output
    with city.connect() as warehouse:
        warehouse.execute("update raw.pipes set length_m = -3 where _row_number = 5")
    tested = subprocess.run(
        [
            sys.executable,
            "-m",
            "dbt.cli.main",
            "test",
            "--select",
            "meets_contract_raw_pipes",
            "meets_contract_raw_breaks",
        ],
        cwd=ROOT,
        env=os.environ | city.environment,
        capture_output=True,
        text=True,
    )
    assert tested.returncode == 1, tested.stdout
    found = {
        (row["checked_by"], row["table_name"], row["rule"]): row
        for row in city.rows(
            "select * from powerbi.data_quality where table_schema = 'raw' "
            "and table_name in ('pipes', 'breaks')"
        )
    }
    assert found["dbt", "pipes", "meets_contract"]["status"] == "fail"
    assert found["dbt", "pipes", "meets_contract"]["message"]
    assert found["dbt", "breaks", "meets_contract"]["status"] == "pass"
    aside = found["load", "breaks", "required break_id"]
    assert (aside["status"], aside["failures"], aside["row_count"]) == ("quarantined", 1, 2)
    assert "breaks.csv" in aside["message"]


def test_an_empty_warehouse_says_what_to_do(empty_city: City, tmp_path: Path) -> None:
    result = empty_city.la_pipes("check", "--docs", tmp_path)
    assert result.exit_code == 2, result.output
    assert "holds none of the tables to check: check which warehouse is meant" in result.output
    assert "raw.pipes, " in result.output
    assert "not there yet, run la-pipes init" in result.output
    wrong = empty_city.la_pipes("check", "--tables", "raw.pipe", "--docs", tmp_path)
    assert wrong.exit_code == 2
    assert "No table 'raw.pipe' to check: choose among" in wrong.output


@needs_real_data
@pytest.mark.parametrize("engine", ENGINES)
def test_los_angeles_passes(
    los_angeles_cities: dict[str, City], engine: str, tmp_path: Path
) -> None:
    result = los_angeles_cities[engine].la_pipes("check", "--docs", tmp_path)
    assert result.exit_code == 0, result.output
    assert re.search(r"raw.ladwp_leaks +\d+ rules, 4,144 rows", result.output)
