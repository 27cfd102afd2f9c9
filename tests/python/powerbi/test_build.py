"""`la-pipes powerbi build` and `check`: what dbt declares and what is committed are the same."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cities import DATA, ENGINES, ROOT, City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.build import Design, read_design, write_project
from la_pipeline_failure_predict.powerbi.report_specification import views_of

SCHEMAS = DATA.parent / "powerbi" / "schemas"


def node(manifest: Any, name: str) -> Any:
    """A model of the manifest."""
    return manifest["nodes"][f"model.la_pipeline_failure_predict.{name}"]


def exposure(manifest: Any, name: str) -> Any:
    """An exposure of the manifest."""
    return manifest["exposures"][f"exposure.la_pipeline_failure_predict.{name}"]


def first_visual(manifest: Any, name: str) -> Any:
    """The first visual of a report."""
    return exposure(manifest, name)["config"]["meta"]["powerbi"]["pages"][0]["visuals"][0]


def test_what_is_committed_is_what_dbt_declares(design: Design) -> None:
    assert write_project(ROOT, design, check=True) == []


def test_the_same_manifest_gives_the_same_bytes(manifest: Any, design: Design) -> None:
    again = read_design(manifest).files()
    files = design.files()
    assert files == again
    assert len(files) > 150
    for path, content in files.items():
        if isinstance(content, str):
            assert content.endswith("\n"), path
            assert "\r" not in content, path
            assert not content.startswith("\ufeff"), path


def test_every_view_is_a_table_and_every_exposure_a_report(
    design: Design, sample_cities: dict[str, City]
) -> None:
    views = sample_cities["duckdb"].rows(
        "select table_name from information_schema.tables where table_schema = 'powerbi'"
    )
    model = design.specification.model
    assert {table.view for table in model.tables} == {row["table_name"] for row in views}
    assert [report.name for report in design.reports] == [
        "la_pipeline_failure_dashboard",
        "la_pipeline_failure_overview",
        "la_pipeline_failure_risk",
    ]
    used = set().union(*(views_of(design.specification, report) for report in design.reports))
    assert used == {table.view for table in model.tables} - {"area_readers"}


def test_a_role_filters_every_table_that_has_an_area(design: Design) -> None:
    model = design.specification.model
    (role,) = model.roles
    with_area = {
        table.name for table in model.tables if any(c.source == "area_id" for c in table.columns)
    }
    assert set(role.filters) == with_area


BAD_INPUT: dict[str, tuple[Callable[[Any], object], str]] = {
    "a view without a description": (
        lambda m: node(m, "pbi_areas").update(description=""),
        "pbi_areas has no description",
    ),
    "a column without a description": (
        lambda m: node(m, "pbi_areas")["columns"]["area_name"].update(description=""),
        "pbi_areas.area_name has no description",
    ),
    "a view without a contract": (
        lambda m: node(m, "pbi_areas")["config"]["contract"].update(enforced=False),
        "pbi_areas has no contract",
    ),
    "a type that Power BI does not have": (
        lambda m: node(m, "pbi_areas")["columns"]["outline_wkt"].update(data_type="geometry"),
        "pbi_areas.outline_wkt has the data_type 'geometry', which Power BI does not have",
    ),
    "two columns of one name": (
        lambda m: node(m, "pbi_areas")["columns"]["region_name"]["config"]["meta"].update(
            powerbi={"name": "area"}
        ),
        "pbi_areas.area_name and pbi_areas.region_name have the same name for readers, area",
    ),
    "two tables of one name": (
        lambda m: node(m, "pbi_areas")["config"]["meta"]["powerbi"].update(table="date"),
        "pbi_dates and pbi_areas have the same name for readers, date",
    ),
    "a view without a name": (
        lambda m: node(m, "pbi_areas")["config"]["meta"].pop("powerbi"),
        "pbi_areas: config.meta.powerbi.table is not valid (Field required)",
    ),
    "a column sorted by one that is gone": (
        lambda m: node(m, "pbi_dates")["columns"].pop("month_number"),
        "The order of pbi_dates.month_name reads month_number, which pbi_dates does not have",
    ),
    "a metric on a column that is gone": (
        lambda m: node(m, "pbi_pipe_risk")["columns"].pop("risk_usd"),
        "Metric cost_at_risk reads the column risk_usd, which the model pbi_pipe_risk does not",
    ),
    "no date table": (
        lambda m: node(m, "pbi_dates")["config"]["meta"]["powerbi"].pop("date_table"),
        "date table",
    ),
    "no views": (
        lambda m: m.update(nodes={}),
        "The manifest holds no model of the schema powerbi",
    ),
    "a visual of a column that is gone": (
        lambda m: first_visual(m, "la_pipeline_failure_risk").update(
            fields={"Data": ["pipe_risk.danger"]}
        ),
        "la_pipeline_failure_risk: the visual Mains scored on page Where uses the column "
        "pipe_risk.danger, which does not exist",
    ),
    "a visual of a metric that is gone": (
        lambda m: first_visual(m, "la_pipeline_failure_risk").update(fields={"Data": ["danger"]}),
        "uses the metric danger, which does not exist",
    ),
    "a visual without a place": (
        lambda m: first_visual(m, "la_pipeline_failure_risk").pop("at"),
        "la_pipeline_failure_risk: config.meta.powerbi.pages.0.visuals.0.at is not valid",
    ),
    "a visual that Power BI does not have": (
        lambda m: first_visual(m, "la_pipeline_failure_risk").update(kind="hologram"),
        "is a hologram",
    ),
    "a view that the exposure does not name": (
        lambda m: exposure(m, "la_pipeline_failure_risk")["depends_on"]["nodes"].remove(
            "model.la_pipeline_failure_predict.pbi_calibration"
        ),
        "la_pipeline_failure_risk must depend on exactly the views that its report uses: "
        "add ref('pbi_calibration')",
    ),
    "a view that the report does not use": (
        lambda m: exposure(m, "la_pipeline_failure_dashboard")["depends_on"]["nodes"].append(
            "model.la_pipeline_failure_predict.pbi_calibration"
        ),
        "remove ref('pbi_calibration')",
    ),
    "a setting that is misspelled": (
        lambda m: node(m, "pbi_areas")["columns"]["area_id"]["config"]["meta"].update(
            powerbi={"hiden": True}
        ),
        "pbi_areas.area_id: config.meta.powerbi.hiden is not valid (Extra inputs",
    ),
    "a filter that is misspelled": (
        lambda m: first_visual(m, "la_pipeline_failure_risk").update(filter={"a.b": [1]}),
        "pages.0.visuals.0.filter is not valid",
    ),
    "a filter that is no list": (
        lambda m: first_visual(m, "la_pipeline_failure_risk").update(
            filters={"pipe_risk.risk_class_code": "high"}
        ),
        "filters.pipe_risk.risk_class_code is not valid (Input should be a valid list)",
    ),
    "a place of three numbers": (
        lambda m: first_visual(m, "la_pipeline_failure_risk").update(at=[0, 1, 4]),
        "pages.0.visuals.0.at.3 is not valid",
    ),
    "an order by nothing": (
        lambda m: first_visual(m, "la_pipeline_failure_risk").update(sort={"descending": True}),
        "pages.0.visuals.0.sort.by is not valid (Field required)",
    ),
    "a report without a page": (
        lambda m: exposure(m, "la_pipeline_failure_risk")["config"]["meta"].update(
            powerbi={"pages": []}
        ),
        "config.meta.powerbi.pages is not valid",
    ),
    "a level of a hierarchy that is gone": (
        lambda m: node(m, "pbi_dates")["config"]["meta"]["powerbi"].update(
            hierarchies={"Calendar": ["year_number", "decade"]}
        ),
        "A hierarchy reads decade, which pbi_dates does not have",
    ),
    "a role of a column that is gone": (
        lambda m: node(m, "pbi_area_readers")["config"]["meta"]["powerbi"]["role"].update(
            reader="who"
        ),
        "The role reads who, which pbi_area_readers does not have",
    ),
    "a relationship to a column that is gone": (
        lambda m: next(
            test
            for test in m["nodes"].values()
            if test["name"].startswith("relationships_pbi_pipe_breaks_area_id")
        )["test_metadata"]["kwargs"].update(field="name"),
        "pbi_pipe_breaks.area_id is tested against areas.name, which does not exist",
    ),
    "a filter by a value of another type": (
        lambda m: first_visual(m, "la_pipeline_failure_risk").update(
            filters={"pipes.is_stub": ["yes"]}
        ),
        "filters pipes.is_stub by 'yes', which does not have its type",
    ),
    "a relationship to what is no key": (
        lambda m: m["nodes"].pop(
            next(
                name
                for name, test in m["nodes"].items()
                if test["name"].startswith("unique_pbi_areas_area_id")
            )
        ),
        "area_id is joined to pbi_areas.area_id, which must be a key",
    ),
    "a metric without a description": (
        lambda m: m["metrics"]["metric.la_pipeline_failure_predict.plan_cost"].update(
            description=""
        ),
        "Metric plan_cost has no description",
    ),
    "no page for the template": (
        lambda m: exposure(m, "la_pipeline_failure_overview")["config"]["meta"]["powerbi"].pop(
            "template"
        ),
        "No exposure names the page of the template",
    ),
}


@pytest.mark.parametrize("fault", BAD_INPUT)
def test_bad_input_is_reported_in_a_sentence(changed_manifest: Any, fault: str) -> None:
    spoil, sentence = BAD_INPUT[fault]
    spoil(changed_manifest)
    with pytest.raises(UserError) as refused:
        read_design(changed_manifest).files()
    assert sentence in str(refused.value)
    assert str(refused.value).endswith(".")


@pytest.fixture
def project(tmp_path: Path, duckdb_city: City) -> Path:
    """A project of its own, whose powerbi/ may be spoilt; the city works on it."""
    root = tmp_path / "project"
    for name in ("models", "macros", "seeds", "schemas", "tests/generic", "powerbi"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copyfile(ROOT / name, root / name)
    duckdb_city.environment |= {
        "LA_PIPES_PROJECT_DIR": str(root),
        "DBT_TARGET_PATH": str(root / "target"),
    }
    return root


def test_a_drifted_file_is_named_and_built_again(duckdb_city: City, project: Path) -> None:
    tables = project / "powerbi/model/la_pipe_break_model.SemanticModel/definition/tables"
    changed, gone, extra = tables / "Area.tmdl", tables / "Soil.tmdl", tables / "Old.tmdl"
    original = changed.read_text()
    changed.write_text(original.replace("One row per area", "Some areas"))
    result = duckdb_city.la_pipes("powerbi", "check")
    assert result.exit_code == 1, result.output
    assert f"{changed.relative_to(project)}: it is not what dbt declares" in result.output

    gone.unlink()
    extra.write_text("table Old\n")
    reports = project / "powerbi/reports"
    by_people = [
        reports / "la_pipeline_failure_risk.Report/.pbi/localSettings.json",
        reports / "my_own.Report/.platform",
        reports / "my_own.pbip",
        project / "powerbi/datasets/my_own.sql",
        project / "powerbi/model/la_pipe_break_model.SemanticModel/diagramLayout.json",
    ]
    for file in by_people:
        file.parent.mkdir(exist_ok=True)
        file.write_text("{}")
    result = duckdb_city.la_pipes("powerbi", "build")
    assert result.exit_code == 0, result.output
    assert f"deleted {extra.relative_to(project)}" in result.output
    assert f"wrote {gone.relative_to(project)}" in result.output
    assert "files changed: 3" in result.output
    assert changed.read_text() == original
    assert all(file.exists() for file in by_people)
    shutil.rmtree(reports / "my_own.Report")  # no report that a check could read
    (reports / "my_own.pbip").unlink()

    arguments = ["--schemas", SCHEMAS] if SCHEMAS.is_dir() else []
    result = duckdb_city.la_pipes("powerbi", "check", *arguments)
    assert result.exit_code == 0, result.output
    assert "match dbt and keep every rule" in result.output


@pytest.mark.parametrize("engine", ENGINES)
def test_the_warehouse_holds_what_the_model_imports(
    sample_cities: dict[str, City], engine: str
) -> None:
    result = sample_cities[engine].la_pipes("powerbi", "check", "--data")
    assert result.exit_code == 0, result.output
    assert "match dbt and keep every rule" in result.output


def test_a_missing_manifest_and_a_stale_catalog(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    city = sample_cities["duckdb"]
    result = city.la_pipes("powerbi", "build", "--manifest", tmp_path / "none.json")
    assert result.exit_code == 2
    assert (
        f"There is no manifest {tmp_path / 'none.json'}: write it with dbt parse" in result.output
    )
    for content in ("[]", "5", '{"nodes": {}}', "{"):
        (tmp_path / "other.json").write_text(content)
        result = city.la_pipes("powerbi", "build", "--manifest", tmp_path / "other.json")
        assert result.exit_code == 2, content
        assert "is not a dbt manifest" in result.output
        result = city.la_pipes("powerbi", "build", "--catalog", tmp_path / "other.json")
        assert result.exit_code == 2, content
        assert "is not a dbt catalog" in result.output or "is stale" in result.output

    stale = tmp_path / "catalog.json"
    stale.write_text(
        '{"nodes": {"a": {"metadata": {"name": "areas", "schema": "powerbi"}, "columns": {}}}}'
    )
    result = city.la_pipes("powerbi", "build", "--catalog", stale)
    assert result.exit_code == 2
    assert "The catalog is stale: it lacks pbi_areas.area_id" in result.output


def test_a_report_that_is_gone_leaves_nothing(duckdb_city: City, project: Path) -> None:
    exposures = project / "models" / "marts" / "powerbi" / "_powerbi__exposures.yml"
    old, new = "la_pipeline_failure_dashboard", "la_pipeline_failure_figures"
    exposures.write_text(exposures.read_text().replace(old, new))
    assert duckdb_city.la_pipes("powerbi", "build").exit_code == 0
    result = duckdb_city.la_pipes("powerbi", "check")
    assert result.exit_code == 0, result.output
    names = {path.name.split(".")[0] for path in (project / "powerbi" / "reports").iterdir()}
    assert new in names
    assert old not in names


def contents(folder: Path) -> dict[Path, bytes]:
    """What the files of a folder hold."""
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_nothing_is_half_written(duckdb_city: City, project: Path) -> None:
    before = {
        file: file.read_bytes() for file in (project / "powerbi").rglob("*") if file.is_file()
    }
    exposures = project / "models" / "marts" / "powerbi" / "_powerbi__exposures.yml"
    exposures.write_text(exposures.read_text().replace("kind: pivotTable", "kind: hologram", 1))
    models = project / "models" / "marts" / "powerbi" / "_powerbi__models.yml"
    models.write_text(models.read_text().replace("One row per area", "Another row per area"))
    result = duckdb_city.la_pipes("powerbi", "build")
    assert result.exit_code == 2
    assert "is a hologram" in result.output
    assert contents(project / "powerbi") == before


def test_reports_compile_to_pbix(duckdb_city: City, project: Path, design: Design) -> None:
    result = duckdb_city.la_pipes("powerbi", "build", "--pbix")
    assert result.exit_code == 0, result.output
    assert result.output.count("by a third-party compiler, not by Power BI") == 3
    from pbix_mcp.formats.model_reader import ModelReader

    compiled = ModelReader(str(project / "artifacts" / "powerbi" / "la_pipeline_failure_risk.pbix"))
    assert len(compiled.relationships) == len(design.specification.model.relationships) > 10
    assert len(compiled.dax_measures) > 40
