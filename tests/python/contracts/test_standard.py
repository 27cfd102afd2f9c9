"""The standard's own tool, called as CI calls it, finds the warehouse keeping every contract."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from cities import ENGINES, ROOT, City

FILES = sorted((ROOT / "schemas").glob("*_schema.yaml"))


def run_tool(city: City) -> subprocess.CompletedProcess:
    """Test the contracts of a city, with the command of the workflows."""
    return subprocess.run(
        [
            Path(sys.executable).with_name("datacontract"),
            "ci",
            "--server",
            city.environment["LA_PIPES_TARGET"],
            *(file.relative_to(ROOT) for file in FILES),
        ],
        cwd=ROOT,
        env=os.environ | city.environment | {"GITHUB_ACTIONS": "true"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_column_is_described(file: Path) -> None:
    for table in OpenDataContractStandard.from_file(str(file)).schema_:
        for column in table.properties:
            assert str(column.description).endswith("."), f"{table.name}.{column.name}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_contract_holds_a_secret(file: Path) -> None:
    for server in yaml.safe_load(file.read_text())["servers"]:
        assert not {"user", "username", "password"} & set(server)
        reached = [server[name] for name in ("host", "database") if name in server]
        assert all(value.startswith("${LA_PIPES_") for value in reached)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sample_city_keeps_every_contract(sample_cities: dict[str, City], engine: str) -> None:
    found = run_tool(sample_cities[engine])
    assert found.returncode == 0, found.stdout
    assert found.stdout.count("Testing schemas/") == len(FILES)
    assert "::error" not in found.stdout


@pytest.mark.parametrize("engine", ENGINES)
def test_a_row_that_breaks_the_contract_ends_1(sample_cities: dict[str, City], engine: str) -> None:
    city = sample_cities[engine]
    with city.connect() as warehouse:
        warehouse.execute(
            "insert into ml.pipe_scores (run_id, trained_until, pipe_id, as_of_date, "
            "horizon_months, expected_breaks, break_probability, scored_at) values "
            "('broken', date '2020-01-01', 'P', date '2021-01-01', 12, 1, 1.5, "
            "timestamp '2021-01-01 00:00:00')"
        )
    try:
        found = run_tool(city)
    finally:
        with city.connect() as warehouse:
            warehouse.execute("delete from ml.pipe_scores where run_id = 'broken'")
    assert found.returncode == 1, found.stdout
    errors = [line for line in found.stdout.splitlines() if line.startswith("::error")]
    assert len(errors) == 1, errors
    assert "risk_score_schema.yaml" in errors[0]
    assert "break_probability" in errors[0]
