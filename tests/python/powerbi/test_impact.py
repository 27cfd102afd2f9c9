"""Who changes a model or a column learns which measures, visuals and reports rest on it."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cities import ROOT
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.column_lineage import (
    ColumnLineage,
    read_compiled_manifest,
)
from la_pipeline_failure_predict.powerbi.impact import ImpactFinder, UsedBy, describe_impacts
from la_pipeline_failure_predict.powerbi.report import Filter, Report
from la_pipeline_failure_predict.settings import Settings
from powerbi.example_model import AREA, MODEL, PAGE

# A project whose last models are the views of the example model.
MODELS = {
    "staging/stg_leaks": """
        select 1 as leak_id, 'x' as area, date '2020-01-01' as found_on, 2 as usd""",
    "staging/stg_places": "select 'x' as place, 'Venice' as label, 1.5 as lat, true as is_open",
    "staging/stg_crews": "select 'x' as crew",
    "core/fct_breaks": """
        with leaks as (select * from {{ ref('stg_leaks') }}),
        places as (select * from {{ ref('stg_places') }} where is_open),
        final as (
            select leaks.leak_id, leaks.area, leaks.found_on, 'of ' || leaks.area as remark,
                row_number() over by_cost as cost_rank
            from leaks inner join places on leaks.area = places.place
            window by_cost as (order by leaks.usd)
        )
        select * from final""",
    "powerbi/pbi_dates": """
        select cast(found_on as date) as date_day, 1 as year, 'May' as month_name, 5 as month
        from {{ ref('fct_breaks') }}
        union all
        select date '2020-01-01', 1, 'June', leak_id from {{ ref('stg_leaks') }}""",
    "powerbi/pbi_areas": """
        select place as area_id, label as area_name, lat as latitude
        from {{ ref('stg_places') }}""",
    "powerbi/pbi_pipe_breaks": """
        select found_on as break_date, found_on as reported_at, area as area_id, remark as note,
            true as is_repaired, cost_rank as cost_usd
        from {{ ref('fct_breaks') }}""",
    "powerbi/pbi_data_quality": "select 1 as failed_rows",
    "powerbi/pbi_odd": "{{ ref('stg_leaks') }} is no query, and its YAML says area",
}
YAML = """
models:
  - {name: pbi_areas, columns: [{name: area_id}, {name: area_name}, {name: latitude}]}
  - {name: pbi_odd, columns: [{name: area}, {name: crew}]}
"""
PROJECT = """
name: small
profile: small
model-paths: [models]
macro-paths: [macros]
models: {small: {powerbi: {+schema: powerbi}, +materialized: view}}
"""
SCHEMA = """
{% macro generate_schema_name(name, node) %}{{ name or target.schema }}{% endmacro %}
{% macro generate_alias_name(name, node) %}{{ node.name | replace('pbi_', '') }}{% endmacro %}
"""
REPORTS = (
    Report("overview", "Overview", "", (PAGE,)),
    Report("risk", "Risk", "", (replace(PAGE, name="By area", filters=(Filter(AREA, ("x",)),)),)),
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("small")
    files = {f"models/{path}.sql": sql for path, sql in MODELS.items()} | {
        "models/models.yml": YAML,
        "dbt_project.yml": PROJECT,
        "macros/names.sql": SCHEMA,
        "profiles.yml": "small: {target: dev, outputs: {dev: {type: duckdb, path: x.duckdb}}}",
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DBT_PROFILES_DIR", str(folder))
        environment.setenv("DBT_TARGET_PATH", "target")
        read_compiled_manifest(Settings(project_dir=folder))
    return Settings(project_dir=folder)


@pytest.fixture
def finder(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> ImpactFinder:
    monkeypatch.setenv("DBT_TARGET_PATH", "target")
    manifest = json.loads((settings.root / "target/compiled_manifest/manifest.json").read_text())
    return ImpactFinder(settings, manifest, MODEL, REPORTS)


def test_a_column_of_a_view(finder: ImpactFinder) -> None:
    impact = finder.find("pbi_areas.area_name")
    assert impact.columns == ("'Areas'[Area]",)
    assert impact.measures == ()
    assert impact.parts == ("role Venice, which filters Areas",)
    assert impact.uses == (
        UsedBy("overview", "Main breaks", "Areas"),
        UsedBy("risk", "By area", "filter of the page"),
        UsedBy("risk", "By area", "Areas"),
    )
    assert impact.reports == ("overview", "risk")


def test_a_view_needs_no_sql(finder: ImpactFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "_settings", None)
    assert finder.find("pbi_areas.latitude").uses == ()


def test_measures_are_followed_through_measures(finder: ImpactFinder) -> None:
    counted = finder.find("pbi_pipe_breaks").measures
    assert counted == ("'Pipe Breaks'[Total Breaks]", "'Pipe Breaks'[Breaks YoY %]")


def test_a_column_that_a_measure_reads(finder: ImpactFinder) -> None:
    impact = finder.find("pbi_dates.date_day")
    assert impact.measures == ("'Pipe Breaks'[Breaks YoY %]",)
    assert {use.what for use in impact.uses} == {"What the crew's log says"}
    assert impact.parts == (
        "hierarchy 'Date'[Calendar]",
        "relationship 'Pipe Breaks'[Break Date] to 'Date'[Date]",
    )


def test_a_column_that_others_are_sorted_by(finder: ImpactFinder) -> None:
    assert finder.find("pbi_dates.month").parts == ("sort order of 'Date'[Month]",)


def test_a_role_names_its_own_columns_without_table(finder: ImpactFinder) -> None:
    assert finder.find("fct_breaks.cost_rank").parts == ("role Auditor, which filters Pipe Breaks",)


def test_a_column_is_followed_through_sql(finder: ImpactFinder) -> None:
    """Renamed, computed with, unioned and ranked by: all of it, and nothing else."""
    assert finder.find("stg_leaks.found_on").columns == (
        "'Date'[Date]",
        "'Pipe Breaks'[Break Date]",
        "'Pipe Breaks'[Reported]",
    )
    assert finder.find("stg_places.lat").columns == ("'Areas'[Latitude]",)
    assert finder.find("stg_leaks.usd").columns == ("'Pipe Breaks'[Cost]",)
    assert finder.find("stg_leaks.leak_id").columns == ("'Date'[Month Number]",)


def test_a_column_that_decides_rows(finder: ImpactFinder) -> None:
    impact = finder.find("stg_places.is_open")
    assert impact.columns == impact.measures == impact.uses == ()
    assert impact.row_tables == ("Date", "Pipe Breaks")
    assert impact.describe()[0] == "stg_places.is_open: no table directly"
    joined = finder.find("stg_places.place")
    assert joined.columns == ("'Areas'[Area ID]",)
    assert joined.row_tables == ("Date", "Pipe Breaks")


def test_sql_that_cannot_be_read_is_said(finder: ImpactFinder) -> None:
    impact = finder.find("stg_leaks.area")
    assert impact.guessed_models == ("pbi_odd",)
    assert "  by name  pbi_odd: its SQL could not be read" in impact.describe()
    assert impact.columns == ("'Pipe Breaks'[Area ID]", "'Pipe Breaks'[Crew's Note: No.]")


def test_a_whole_model(finder: ImpactFinder) -> None:
    impact = finder.find("stg_places")
    assert impact.tables == ("Date", "Areas", "Pipe Breaks")
    assert impact.measures == ("'Pipe Breaks'[Total Breaks]", "'Pipe Breaks'[Breaks YoY %]")
    assert len(impact.uses) == 11, "five visuals of each report, and a filter"
    assert "Data Quality" not in "\n".join(impact.describe())
    assert finder.find("pbi_areas").measures == (), "breaks are counted elsewhere"


def test_a_metric_named_like_a_model_hides_no_children(settings: Settings) -> None:
    """The metric stands later in the manifest, and nothing reads it."""
    manifest = json.loads((settings.root / "target/compiled_manifest/manifest.json").read_text())
    before = ImpactFinder(settings, manifest, MODEL, REPORTS).find("stg_places")
    manifest["child_map"]["metric.water.stg_places"] = []
    assert ImpactFinder(settings, manifest, MODEL, REPORTS).find("stg_places") == before
    assert before.tables


def test_what_nothing_rests_on(finder: ImpactFinder) -> None:
    for subject in ("stg_crews", "stg_crews.crew"):
        assert finder.find(subject).describe() == [f"{subject}: nothing in Power BI depends on it."]


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("pipe_breaks", "no model 'pipe_breaks'; did you mean pbi_pipe_breaks?"),
        ("pbi_areas.area_nam", "pbi_areas has no column 'area_nam'; did you mean area_name?"),
        ("stg_leaks.founded_on", "stg_leaks has no column 'founded_on'; did you mean found_on?"),
        ("qqq", "dbt has no model 'qqq'."),
        ("", "dbt has no model ''."),
    ],
)
def test_unknown_names(finder: ImpactFinder, subject: str, expected: str) -> None:
    with pytest.raises(UserError) as error:
        finder.find(subject)
    assert expected in str(error.value)


def test_without_the_extra(finder: ImpactFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    monkeypatch.setitem(sys.modules, "sqlglot.schema", None)
    with pytest.raises(UserError, match=r"la_pipeline_failure_predict\[impact\]"):
        finder.find("stg_leaks.usd")
    assert finder.find("pbi_areas.area_name").reports == ("overview", "risk")


def test_the_comment_of_a_pull_request(finder: ImpactFinder) -> None:
    changed = ("stg_leaks.found_on", "stg_places.is_open", "stg_crews")
    text = describe_impacts([finder.find(subject) for subject in changed])
    assert text == (
        "## Impact on Power BI\n"
        "\n"
        "| changed | tables | measures | visuals | reports |\n"
        "|---|---|--:|--:|---|\n"
        "| `stg_leaks.found_on` | Date, Pipe Breaks | 1 | 2 | overview, risk |\n"
        "| `stg_places.is_open` | Date, Pipe Breaks | 0 | 0 |  |\n"
        "\n"
        "<details><summary>Measures (1)</summary>\n"
        "\n"
        "- `'Pipe Breaks'[Breaks YoY %]`\n"
        "\n"
        "</details>\n"
        "\n"
        "<details><summary>Visuals (2)</summary>\n"
        "\n"
        "- overview, Main breaks: What the crew's log says\n"
        "- risk, By area: What the crew's log says\n"
        "\n"
        "</details>\n"
        "\n"
        "Nothing in Power BI depends on `stg_crews`.\n"
    )


def test_a_changed_model_is_compiled_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stale copy of the SQL would deny an impact that the change has."""
    monkeypatch.setenv("DBT_TARGET_PATH", "target")
    monkeypatch.setenv("DBT_PROFILES_DIR", str(settings.root))
    before = (settings.root / "target/compiled_manifest/manifest.json").stat().st_mtime_ns
    read_compiled_manifest(settings)
    assert (settings.root / "target/compiled_manifest/manifest.json").stat().st_mtime_ns == before
    model = settings.root / "models/staging/stg_crews.sql"
    sql = model.read_text()
    model.write_text(sql + ", 1 as size")
    lineage = ColumnLineage(read_compiled_manifest(settings))
    model.write_text(sql)
    assert lineage.columns("stg_crews") == ["crew", "size"]


@pytest.mark.parametrize("target", ["dev", "postgres"])
def test_the_sql_of_every_model_is_read(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On each engine: what is not read is followed by name, which is a guess."""
    shutil.copyfile(ROOT / "profiles.yml", tmp_path / "profiles.yml")
    monkeypatch.setenv("DBT_PROFILES_DIR", str(tmp_path))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("LA_PIPES_DUCKDB_PATH", str(tmp_path / "x.duckdb"))
    monkeypatch.setenv("LA_PIPES_POSTGRES_HOST", "no.such.host")
    manifest = read_compiled_manifest(Settings(project_dir=ROOT, target=target))
    lineage = ColumnLineage(manifest)
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    columns = [(node["name"], name) for node in models for name in node["columns"]]
    assert [each for each in columns if lineage.follow(*each).guessed_models] == []
    declared = {
        node["name"]: list(node["columns"])
        for node in models
        if node["config"]["contract"]["enforced"]
    }
    assert {name: lineage.columns(name) for name in declared} == declared
    assert not (tmp_path / "x.duckdb").exists(), "no database is asked"

    ranks = lineage.follow("stg_ml__pipe_scores", "expected_breaks").columns
    assert {("fct_pipe_risk", "risk_rank"), ("pbi_pipe_risk", "risk_rank")} <= set(ranks)
