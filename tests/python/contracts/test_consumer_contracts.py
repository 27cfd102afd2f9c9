"""The contracts of features and Power BI views promise what the models' YAML declares."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cities import ROOT, City
from la_pipeline_failure_predict.contracts.dbt_sources import sync_sources

COPIED = ("models", "macros", "seeds", "schemas", "tests/generic")


@pytest.fixture
def project(tmp_path: Path, duckdb_city: City) -> Path:
    """A project of its own, to change; the command line of the city works on it."""
    root = tmp_path / "project"
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copyfile(ROOT / name, root / name)
    duckdb_city.environment |= {
        "LA_PIPES_PROJECT_DIR": str(root),
        "DBT_TARGET_PATH": str(root / "target"),
    }
    return root


def columns_of(file: Path, table: str) -> dict[str, dict]:
    contract = yaml.safe_load(file.read_text())
    declared = next(item for item in contract["schema"] if item["name"] == table)
    return {column["name"]: column for column in declared["properties"]}


def edit_column(text: str, model: str, column: str, **changes: object) -> str:
    """Return the models' YAML with some keys of a column changed."""
    content = yaml.safe_load(text)
    declared = next(item for item in content["models"] if item["name"] == model)
    next(item for item in declared["columns"] if item["name"] == column).update(changes)
    return yaml.safe_dump(content, sort_keys=False)


def test_contracts_say_keys_units_and_limits() -> None:
    risk = columns_of(ROOT / "schemas" / "powerbi_export_schema.yaml", "pipe_risk")
    assert risk["pipe_id"]["required"]
    assert risk["pipe_id"]["primaryKey"]
    assert risk["break_probability"]["logicalTypeOptions"] == {"minimum": 0, "maximum": 1}
    assert risk["length_m"]["customProperties"] == [{"property": "unit", "value": "m"}]
    assert "customProperties" not in risk["material_name"]
    features = columns_of(ROOT / "schemas" / "features_schema.yaml", "fct_pipe_features")
    keys = {name: c["primaryKeyPosition"] for name, c in features.items() if "primaryKey" in c}
    assert keys == {"pipe_id": 1, "as_of_date": 2}
    assert features["length_m"]["required"]
    assert "required" not in features["age_years"]


def test_a_changed_model_is_drift_until_it_is_synced(duckdb_city: City, project: Path) -> None:
    models = project / "models" / "marts" / "powerbi" / "_powerbi__models.yml"
    text = models.read_text()
    changed = edit_column(
        text,
        "pbi_pipe_breaks",
        "street_name",
        description="Name of the street.",
        data_tests=[
            {"not_null": {"config": {"severity": "warn"}}},
            {"accepted_values": {"arguments": {"values": ["A", "B"]}}},
        ],
    )
    # A grain that may be null is no primary key, but is promised all the same.
    changed = edit_column(
        changed,
        "pbi_climate_monthly",
        "station_id",
        data_tests=[],
        config={"meta": {"unit": "furlong"}},
    )
    assert changed.count("furlong") == 1
    models.write_text(changed)

    result = duckdb_city.la_pipes("contracts", "sync", "--check")
    assert result.exit_code == 1
    assert "drifted schemas/powerbi_export_schema.yaml" in result.output
    assert "features_schema" not in result.output
    exported = project / "schemas" / "powerbi_export_schema.yaml"
    assert exported.read_text() == (ROOT / "schemas" / exported.name).read_text()

    assert duckdb_city.la_pipes("contracts", "sync").exit_code == 0
    street = columns_of(exported, "pipe_breaks")["street_name"]
    assert street["description"] == "Name of the street."
    assert street["quality"][0]["arguments"] == {"validValues": ["A", "B"]}
    assert "required" not in street  # a warning is no promise
    climate = columns_of(exported, "climate_monthly")
    assert climate["station_id"]["customProperties"] == [{"property": "unit", "value": "furlong"}]
    assert not any("primaryKey" in column for column in climate.values())
    grain = next(
        table["quality"]
        for table in yaml.safe_load(exported.read_text())["schema"]
        if table["name"] == "climate_monthly"
    )
    assert grain[0]["arguments"] == {"properties": ["station_id", "month_on"]}

    assert duckdb_city.la_pipes("contracts", "sync", "--check").exit_code == 0
    lint = [Path(sys.executable).with_name("datacontract"), "lint", exported]
    assert subprocess.run(lint, capture_output=True, check=False).returncode == 0


def test_a_type_the_contracts_do_not_know(duckdb_city: City, project: Path) -> None:
    models = project / "models" / "marts" / "powerbi" / "_powerbi__models.yml"
    models.write_text(edit_column(models.read_text(), "pbi_dates", "day_number", data_type="money"))
    before = {file: file.read_text() for file in (project / "schemas").glob("*.yaml")}
    result = duckdb_city.la_pipes("contracts", "sync")
    assert result.exit_code == 2
    assert "pbi_dates.day_number has the data_type 'money': use one of text" in result.output
    assert {file: file.read_text() for file in before} == before


def test_a_source_file_without_a_contract_is_drift(project: Path) -> None:
    """dbt would go on creating the tables that it declares."""
    left_over = Path("models/staging/gone/_gone__sources.yml")
    header = (project / "models/staging/ml/_ml__sources.yml").read_text().splitlines()[0]
    (project / left_over).parent.mkdir()
    (project / left_over).write_text(f"{header}\nversion: 2\nsources: []\n")
    by_hand = (project / left_over).with_name("_by_hand__sources.yml")
    by_hand.write_text("version: 2\nsources: []\n")
    assert sync_sources(project, check=True) == [left_over]
    assert (project / left_over).is_file()
    assert sync_sources(project) == [left_over]
    assert not (project / left_over).exists()
    assert by_hand.is_file()


def test_a_table_without_a_provider_is_named(duckdb_city: City, project: Path) -> None:
    contract = project / "schemas" / "risk_score_schema.yaml"
    contract.write_text(contract.read_text().replace("- property: provider", "- property: giver"))
    result = duckdb_city.la_pipes("contracts", "sync")
    assert result.exit_code == 2
    assert "has no custom property provider" in result.output


def test_a_project_that_dbt_cannot_parse(duckdb_city: City, project: Path) -> None:
    (project / "models" / "broken.sql").write_text("select * from {{ ref('nowhere') }}")
    result = duckdb_city.la_pipes("contracts", "sync", "--check")
    assert result.exit_code == 2
    assert "dbt parse could not run" in result.output
    assert "nowhere" in result.output
