"""`la-pipes portal publish`: whole snapshots, the same on both engines, whatever kills it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from cities import City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.data.publish import publish
from la_pipeline_failure_predict.portal.data.store import DATABASE, KEPT, TILES, Store

# What was checked when is each city's own.
OF_THE_RUN = "data_quality"
PUBLISH_FOR_EVER = """
import sys
from pathlib import Path
from la_pipeline_failure_predict.portal.data.publish import publish
from la_pipeline_failure_predict.warehouse.duckdb_engine import DuckDBWarehouse
with DuckDBWarehouse(sys.argv[1]) as warehouse:
    while True:
        publish(warehouse, Path(sys.argv[2]), force=True)
"""


def publish_city(city: City, folder: Path, *options: str) -> str:
    """Publish as a user would; returns what was printed."""
    environment = city.environment | {"LA_PIPES_PORTAL_DIR": str(folder)}
    published = City(city.engine, environment, city.connect).la_pipes("portal", "publish", *options)
    assert published.exit_code == 0, published.output
    return published.output


def read(folder: Path, sql: str) -> list[tuple]:
    """Rows of the current snapshot."""
    store = Store(folder)
    with duckdb.connect(str(store.database(str(store.current_id()))), read_only=True) as snapshot:
        return snapshot.execute(sql).fetchall()


def test_a_run_publishes_where_a_portal_is_used(
    sample_cities: dict[str, City], copy_city: Callable[[City], City], tmp_path: Path
) -> None:
    city, folder = copy_city(sample_cities["duckdb"]), tmp_path / "portal"
    city.environment["LA_PIPES_PORTAL_DIR"] = str(folder)
    assert city.la_pipes("run").exit_code == 0
    assert not folder.exists()
    folder.mkdir()
    first = city.la_pipes("run")
    assert first.exit_code == 0, first.output
    assert f"published snapshot {Store(folder).current_id()}" in first.output
    again = city.la_pipes("run")
    assert f"publish: up to date, snapshot {Store(folder).current_id()}" in again.output


def test_both_engines_publish_the_same_rows(sample_cities: dict[str, City], tmp_path: Path) -> None:
    for engine, city in sample_cities.items():
        publish_city(city, tmp_path / engine)
    manifests = {engine: Store(tmp_path / engine).current() for engine in sample_cities}
    one, other = manifests["duckdb"], manifests["postgres"]
    assert one is not None
    assert other is not None
    assert one.run_ids == other.run_ids
    assert one.as_of_date == other.as_of_date == "2025-01-01"
    assert set(one.rows) == set(other.rows)
    assert min(one.rows["pipe_lines"], one.rows["area_shapes"], one.rows["pipe_risk"]) > 0

    with duckdb.connect() as both:
        for engine in sample_cities:
            store = Store(tmp_path / engine)
            file = store.database(str(store.current_id()))
            both.execute(f"attach '{file}' as {engine}_snapshot (read_only)")
        for table, rows in one.rows.items():
            if table == OF_THE_RUN:
                continue
            assert rows == other.rows[table], table
            # Sums of floats fall on either side of a digit: the tests of the marts compare them.
            columns = both.execute(
                "select '\"' || column_name || '\"' from duckdb_columns() where database_name = "
                "'duckdb_snapshot' and table_name = $1 and data_type <> 'DOUBLE' order by 1",
                [table],
            ).fetchall()
            listed = ", ".join(column for (column,) in columns)
            left, right = (
                f"select {listed} from {engine}_snapshot.published.{table}"
                for engine in ("duckdb", "postgres")
            )
            for here, there in ((left, right), (right, left)):
                assert not both.execute(f"{here} except all {there}").fetchall(), table


def digests(folder: Path) -> dict[str, str]:
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (DATABASE, TILES)
    }


def test_manifest_says_what_the_snapshot_holds(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    city = sample_cities["duckdb"]
    publish_city(city, tmp_path)
    manifest = Store(tmp_path).current()
    assert manifest is not None
    assert manifest.sha256 == digests(tmp_path / manifest.snapshot_id)
    for table, rows in manifest.rows.items():
        assert read(tmp_path, f"select count(*) from published.{table}") == [(rows,)], table
    runs = city.rows("select distinct run_id from powerbi.pipe_risk")
    assert manifest.run_ids["pipe"] == runs[0]["run_id"]
    lines = "select count(*) from core.dim_pipes where line_wkt is not null"
    assert manifest.rows["pipe_lines"] == city.value(lines)
    shapes = read(tmp_path, "select outline_wkt from published.area_shapes")
    assert all(shape.startswith(("POLYGON", "MULTIPOLYGON")) for (shape,) in shapes)


def test_readers_of_power_bi_are_not_published(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    publish_city(sample_cities["duckdb"], tmp_path)
    tables = read(tmp_path, "select table_name from duckdb_tables()")
    assert ("pipe_risk",) in tables
    assert ("area_readers",) not in tables


def test_nothing_is_published_twice(
    sample_cities: dict[str, City], copy_city: Callable[[City], City], tmp_path: Path
) -> None:
    city = copy_city(sample_cities["duckdb"])
    assert "published snapshot" in publish_city(city, tmp_path)
    first = Store(tmp_path).current_id()
    assert f"up to date, snapshot {first}" in publish_city(city, tmp_path)
    assert Store(tmp_path).current_id() == first

    publish_city(city, tmp_path, "--force")
    second = Store(tmp_path).current_id()
    assert second != first
    with city.connect() as warehouse:  # as dbt build does, whoever types it
        warehouse.execute(
            "update raw.steps set finished_at = finished_at + interval 1 second "
            "where step_name = 'publish'"
        )
    publish_city(city, tmp_path)
    assert Store(tmp_path).current_id() not in (first, second)


def test_the_last_three_are_kept_and_a_reader_of_an_older_one_goes_on(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    with sample_cities["duckdb"].connect() as warehouse:
        publish(warehouse, tmp_path)
        first = str(store.current_id())
        with duckdb.connect(str(store.database(first)), read_only=True) as reader:
            for _ in range(KEPT):
                publish(warehouse, tmp_path, force=True)
            assert len(store.snapshot_ids()) == KEPT
            assert first not in store.snapshot_ids()
            mains = reader.execute("select count(pipe_id) from published.pipe_lines").fetchall()
    assert mains[0][0] > 2000


@pytest.mark.parametrize("moment", [0.0, 0.1, 0.3])
def test_killed_publish_leaves_a_whole_snapshot(
    sample_cities: dict[str, City],
    copy_city: Callable[[City], City],
    tmp_path: Path,
    moment: float,
) -> None:
    city = copy_city(sample_cities["duckdb"])
    folder = tmp_path / "portal"
    with city.connect() as warehouse:
        publish(warehouse, folder)
    store = Store(folder)
    first = store.current_id()
    command = [sys.executable, "-c", PUBLISH_FOR_EVER]
    arguments = [city.environment["LA_PIPES_DUCKDB_PATH"], str(folder)]
    process = subprocess.Popen([*command, *arguments])
    try:
        while store.current_id() == first:
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(moment)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    manifest = store.current()
    assert manifest is not None
    assert manifest.sha256 == digests(folder / manifest.snapshot_id)
    with city.connect() as warehouse:
        publish(warehouse, folder, force=True)
    names = {path.name for path in folder.iterdir()}
    assert names == {".lock", "current", *store.snapshot_ids()}
    assert len(store.snapshot_ids()) <= KEPT


def test_a_city_without_scores_is_published(
    sample_cities: dict[str, City], copy_city: Callable[[City], City], tmp_path: Path
) -> None:
    city = copy_city(sample_cities["duckdb"])
    with city.connect() as warehouse:
        warehouse.execute("delete from powerbi.pipe_risk")
        warehouse.execute("update powerbi.joined_risk_view set run_id = null")
    assert "no scores" in publish_city(city, tmp_path)
    manifest = Store(tmp_path).current()
    assert manifest is not None
    assert (manifest.run_ids, manifest.as_of_date, manifest.rows["pipe_risk"]) == ({}, None, 0)


def test_wrong_use_is_told_in_a_sentence(
    duckdb_city: City, sample_cities: dict[str, City], tmp_path: Path
) -> None:
    refused = duckdb_city.la_pipes("portal", "publish")
    assert refused.exit_code == 2
    assert "no Power BI views in this warehouse yet: run la-pipes run" in refused.output
    (tmp_path / "file").write_text("mine")
    with sample_cities["duckdb"].connect() as warehouse:
        with pytest.raises(UserError, match="LA_PIPES_PORTAL_DIR"):
            publish(warehouse, tmp_path / "file")
        publish(warehouse, tmp_path / "portal")
        store = Store(tmp_path / "portal")
        # A damaged or foreign manifest is no reason to stop: it is published again.
        manifest = tmp_path / "portal" / str(store.current_id()) / "manifest.json"
        manifest.write_text(json.dumps({"format": 99}))
        assert store.current() is None
        assert publish(warehouse, tmp_path / "portal").is_new
    assert (tmp_path / "file").read_text() == "mine"
