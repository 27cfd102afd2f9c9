"""Deliveries that name where their data are published, and the cities that ship."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result

from cities import ROOT, City
from la_pipeline_failure_predict.deliveries import (
    find_cities,
    find_city,
    read_deliveries,
    read_origins,
)
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.load import load_files
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.remote.catalog import Origin, remote_files
from la_pipeline_failure_predict.sources.remote.download import Downloaded, download
from remote.layer import Layer
from remote.portal import Portal

Fetch = Callable[..., Result]
DELIVERY = """
deliveries:
  - source: pipes
    from: {{arcgis: {service}, layer: 3}}
    mapping: my_city.yml
"""
MAPPING = """
pipes:
  columns:
    pipe_id: MAINID
    material: MATERIAL
    diameter_mm: DIAMETER
    installed_on: INSTALLED
"""
PROJECT = {
    ".dbtignore",
    "dbt_project.yml",
    "profiles.yml",
    "models",
    "macros",
    "seeds",
    "tests",
    "python_ml",
}


@pytest.fixture
def delivery(portal: Portal, tmp_path: Path) -> Path:
    """A delivery file of a city with one layer."""
    layer = Layer(portal)
    path = tmp_path / "my_city.delivery.yml"
    path.write_text(DELIVERY.format(service=layer.url.removesuffix("/3")))
    (tmp_path / "my_city.yml").write_text(MAPPING)
    return path


def fetcher(folder: Path) -> Callable[[str, Origin], Downloaded]:
    def fetch(name: str, origin: Origin) -> Downloaded:
        files = remote_files(origin, Settings(http_retries=1))
        return download(name, files, folder / name, lambda done, total, what: None)

    return fetch


def test_a_published_source_is_fetched_and_loads(
    delivery: Path, duckdb_city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    (file,) = read_deliveries(delivery, None, fetcher(tmp_path / "raw"))
    with duckdb_city.connect() as warehouse:
        warehouse.create_declared()
        (loaded,) = load_files(warehouse, file.source, [file.path], file.mapping)
        assert (loaded.rows_in_file, loaded.rows_loaded) == (25, 25)
        rows = warehouse.query(
            "select pipe_id, material, cast(installed_on as varchar) as installed_on, "
            "round(length_m) as length_m, start_longitude, end_latitude "
            "from raw.pipes where pipe_id = 'M1'"
        ).to_pylist()
    assert rows[0]["material"] == "Cast iron"
    assert rows[0]["installed_on"] == "1970-01-01"
    assert rows[0]["length_m"] == 1443
    assert (rows[0]["start_longitude"], rows[0]["end_latitude"]) == (-118.25, 34.06)


def test_download_takes_a_delivery_file(delivery: Path, fetch: Fetch, tmp_path: Path) -> None:
    result = fetch(str(delivery))
    assert result.exit_code == 0, result.output
    assert len(list(tmp_path.glob("raw/*/pipes/[0-9]*/features.csv"))) == 1


def project_with(city: Path, folder: Path) -> Path:
    """Make a project like this one, with another city among those that ship."""
    (folder / "schemas" / "cities").mkdir(parents=True)
    for item in ROOT.iterdir():
        if item.name in PROJECT:
            (folder / item.name).symlink_to(item)
    for item in (ROOT / "schemas").iterdir():
        if item.name != "cities":
            (folder / "schemas" / item.name).symlink_to(item)
    shutil.copytree(city, folder / "schemas" / "cities", dirs_exist_ok=True)
    return folder


def test_run_fetches_loads_and_publishes_a_city(
    duckdb_city: City, sample_files: Path, portal: Portal, tmp_path: Path
) -> None:
    """All that the sample delivers is published at addresses; then one file changes."""
    delivered = yaml.safe_load(sample_files.read_text())["deliveries"]
    for entry in delivered:
        content = (sample_files.parent / entry["file"]).read_bytes()
        portal.answers[f"/{entry['file']}"] = lambda parameters, content=content: content
        entry["from"] = {"files": [{"url": f"{portal.url}/{entry.pop('file')}"}]}
    portal.content_type = "application/octet-stream"
    city = tmp_path / "city"
    city.mkdir()
    (city / "testville.yml").write_text(yaml.safe_dump({"deliveries": delivered}))
    shutil.copy(sample_files.parent / "mapping.yml", city)
    root = project_with(city, tmp_path / "project")
    duckdb_city.environment |= {"LA_PIPES_PROJECT_DIR": str(root), "NO_PROXY": "*"}

    first = duckdb_city.la_pipes("run", "--city", "testville")
    assert first.exit_code == 0, first.output
    assert "mains to look at first" in first.output
    mains = duckdb_city.value("select count(*) from powerbi.pipe_risk where risk_rank is not null")
    assert mains > 2_000
    again = duckdb_city.la_pipes("run", "--city", "testville")
    assert again.exit_code == 0, again.output
    assert again.output.count("nothing new since") == len(delivered)
    assert "publish: up to date" in again.output


@pytest.mark.parametrize("city", find_cities(ROOT))
def test_cities_that_ship_are_complete(city: str) -> None:
    origins = read_origins(find_city(ROOT, city))
    assert origins
    for name, origin in origins.items():
        assert name.startswith(f"{city}/")
        assert remote_files(origin, Settings())
        addresses = [file.url for file in origin.files or []] + [origin.arcgis or "https://"]
        assert all(address.startswith("https://") for address in addresses)


def test_a_source_of_a_city_is_found_by_its_name(fetch: Fetch) -> None:
    result = fetch("pipes-of-nowhere")
    assert result.exit_code == 2
    assert "los-angeles/ladwp-leaks" in result.output


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("{source: pipes}", "name either `file` or `from`"),
        ("{source: pipes, file: a.csv, from: {ghcn: USW00093134}}", "either `file` or `from`"),
        ("{source: pipes, from: {where: x}}", "wants one of arcgis"),
        ("{source: pipes, from: {ghcn: a, ncei: b}}", "ghcn and ncei"),
        ("{source: pipes, from: {ghcn: a, layer: 3}}", "`layer:` is of arcgis alone"),
        ("{source: pipes, from: {files: [{url: x, sha256: abc}]}}", "sha256"),
    ],
)
def test_a_wrong_origin_is_a_sentence(tmp_path: Path, entry: str, sentence: str) -> None:
    path = tmp_path / "delivery.yml"
    path.write_text(f"deliveries:\n  - {entry}\n")
    with pytest.raises(UserError, match=sentence):
        read_deliveries(path, None, fetcher(tmp_path))
