"""The standard's own tool accepts the contracts, and finds the warehouse keeping them."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from cities import ENGINES, ROOT, City
from la_pipeline_failure_predict.settings import read_settings
from la_pipeline_failure_predict.warehouse.contract_server import find_contract_server

FILES = sorted((ROOT / "schemas").glob("*_schema.yaml"))


def test_every_contract_follows_the_standard(duckdb_city: City) -> None:
    result = duckdb_city.la_pipes("contracts", "lint")
    assert result.exit_code == 0, result.output
    assert [f"ok     {file.name}: 1 check" for file in FILES] == result.output.splitlines()[:-1]
    assert f"All {len(FILES)} contracts follow the standard." in result.output


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


def test_a_contract_against_the_standard_is_named(duckdb_city: City, tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "dbt_project.yml").touch()
    contract = yaml.safe_load(FILES[0].read_text())
    contract["schema"][0]["properties"][0]["logicalType"] = "varchar"
    (tmp_path / "schemas" / "mine_schema.yaml").write_text(yaml.safe_dump(contract))
    result = duckdb_city.la_pipes("contracts", "lint", "--project-dir", tmp_path)
    assert result.exit_code == 1
    assert "broken mine_schema.yaml" in result.output
    assert "'varchar' is not one of" in result.output


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sample_city_keeps_every_contract(sample_cities: dict[str, City], engine: str) -> None:
    result = sample_cities[engine].la_pipes("contracts", "test")
    assert result.exit_code == 0, result.output
    assert f"All {len(FILES)} contracts are kept." in result.output
    for file in FILES:
        assert f"ok     {file.name}: " in result.output


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
        result = city.la_pipes("contracts", "test")
    finally:
        with city.connect() as warehouse:
            warehouse.execute("delete from ml.pipe_scores where run_id = 'broken'")
    assert result.exit_code == 1
    assert "broken risk_score_schema.yaml" in result.output
    assert "failed pipe_scores.break_probability" in result.output
    assert f"1 of {len(FILES)} contracts broken: risk_score_schema.yaml." in result.output
    assert "ok     data_schema.yaml" in result.output


def test_tables_that_are_not_built_are_named_once(empty_city: City) -> None:
    assert empty_city.la_pipes("init").exit_code == 0
    result = empty_city.la_pipes("contracts", "test")
    assert result.exit_code == 1
    assert result.output.count("pipe_risk is not there: build it with la-pipes run") == 1
    assert "ok     data_schema.yaml" in result.output


def test_without_the_extra_it_says_what_to_install(
    duckdb_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datacontract.data_contract", None)
    result = duckdb_city.la_pipes("contracts", "lint")
    assert result.exit_code == 2
    assert 'pip install "la_pipeline_failure_predict[contracts]"' in result.output


def test_certificates_of_the_profile_reach_the_server(
    make_city: Callable[[str], City], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tool passes no sslmode on: what the profile demands must not be dropped."""
    city = make_city("postgres")
    profiles = Path(city.environment["DBT_PROFILES_DIR"]) / "profiles.yml"
    profiles.write_text(profiles.read_text().replace("connect_timeout: 10", "sslmode: prefer"))
    city.environment["DBT_ENV_SECRET_LA_PIPES_POSTGRES_PASSWORD"] = "whatever-5"
    for name, value in city.environment.items():
        monkeypatch.setenv(name, value)
    server = find_contract_server(read_settings())
    assert server.environment == {"PGSSLMODE": "prefer"}
    assert server.config().get_postgres_password() == "whatever-5"
    assert "whatever-5" not in repr(server)
