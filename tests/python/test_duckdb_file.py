"""The file of a DuckDB warehouse: renamed, copied, damaged, or with a name that is taken."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from cities import ROOT, City
from la_pipeline_failure_predict.warehouse import Warehouse, open_scratch


@pytest.fixture
def mains(tmp_path: Path) -> Path:
    """A file of one main."""
    file = tmp_path / "mains.csv"
    file.write_text("pipe_id,length_m\nM1,5\n")
    return file


def in_file(city: City, path: Path) -> City:
    """Return the city as it is with another file."""
    environment = city.environment | {"LA_PIPES_DUCKDB_PATH": str(path)}
    return City(city.engine, environment, city.connect)


def refused(city: City, *arguments: object) -> str:
    """Run a command that must end with one sentence and exit code 2; returns it."""
    result = city.la_pipes(*arguments)
    assert result.exit_code == 2, result.output
    assert "unexpected" not in result.output
    return " ".join(result.output.split())


def test_a_copy_under_another_name_is_up_to_date(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    """Views name no catalog, which DuckDB calls like the file: they can be read, also by others."""
    original = sample_cities["duckdb"]
    copy = tmp_path / "o'brien" / "of june 2026.v2.duckdb"
    copy.parent.mkdir()
    shutil.copyfile(original.environment["LA_PIPES_DUCKDB_PATH"], copy)
    city = in_file(original, copy)
    with duckdb.connect(str(copy), read_only=True) as connection:
        (views,) = connection.execute(
            "select list(schema_name || '.' || view_name) from duckdb_views() where not internal"
        ).fetchone()
        assert len(views) > 50
        for view in views:
            connection.execute(f"select * from {view} limit 1")
    printed = city.la_pipes("run").output
    for step in ("link", "build", "score", "publish"):
        assert f"{step}: up to date" in printed
    result = city.la_pipes("build", "--select", "stg_utility__pipes pbi_areas")
    assert result.exit_code == 0, result.output


def test_names_that_mean_something_else_are_refused(
    sample_cities: dict[str, City], tmp_path: Path, mains: Path
) -> None:
    city = sample_cities["duckdb"]
    schemas = {row["schema_name"] for row in city.rows("select schema_name from duckdb_schemas()")}
    assert len(schemas) > 8
    for name in (*schemas, "TEMP", "memory", "system", "raw.v2", "a'b", 'a"b'):
        sentence = refused(in_file(city, tmp_path / f"{name}.duckdb"), "load", "pipes", mains)
        assert f"cannot be called {name}.duckdb" in sentence


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[5000:9000] = os.urandom(4000)
    path.write_bytes(content)


def write_other_version(path: Path) -> None:
    """Write the version after the file's magic bytes, where DuckDB looks first."""
    path.unlink()
    with duckdb.connect(config={"storage_compatibility_version": "latest"}) as connection:
        connection.execute(f"attach '{path}' as other; create table other.t as select 1 as a")
    content = bytearray(path.read_bytes())
    content[12] = 99
    path.write_bytes(content)


def put_beside_log_of_another(path: Path) -> None:
    other = path.with_name("other.duckdb")
    shutil.copyfile(path, other)
    with duckdb.connect(str(other)) as connection:
        connection.execute("pragma disable_checkpoint_on_shutdown")
        connection.execute("drop table raw.breaks")
        connection.execute("create table raw.breaks (other_id text)")
    log = path.with_name(f"{path.name}.wal")
    shutil.move(f"{other}.wal", log)
    with duckdb.connect(str(other)) as connection:
        connection.execute("drop table raw.breaks")
    shutil.move(other, path)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def put_folder_for_lock(path: Path) -> None:
    lock = path.with_name(f"{path.name}.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (damage, "is damaged, or was written by another version of DuckDB"),
        (lambda path: path.write_bytes(path.read_bytes()[:6000]), "is damaged, or was written"),
        (lambda path: path.write_bytes(b""), "is not a DuckDB file"),
        (write_other_version, "another version of DuckDB"),
        (put_beside_log_of_another, ".wal does not belong to"),
        (make_folder, "is not a file: move it away"),
        (put_folder_for_lock, "remove what is in the way"),
    ],
)
def test_a_file_that_cannot_be_opened_is_told(
    duckdb_city: City, mains: Path, spoil: Callable[[Path], None], says: str
) -> None:
    path = Path(duckdb_city.environment["LA_PIPES_DUCKDB_PATH"])
    assert duckdb_city.la_pipes("init").exit_code == 0
    spoil(path)
    assert says in refused(duckdb_city, "load", "pipes", mains)


def test_a_folder_named_like_the_note_of_the_lock_does_not_matter(
    duckdb_city: City, mains: Path
) -> None:
    path = Path(duckdb_city.environment["LA_PIPES_DUCKDB_PATH"])
    path.with_name(f"{path.name}.lock-holder").mkdir(parents=True)
    result = duckdb_city.la_pipes("load", "pipes", mains)
    assert result.exit_code == 0, result.output


def test_a_project_that_was_moved_builds(tmp_path: Path) -> None:
    """Also into a folder with an apostrophe; what dbt remembers of the old place is passed over."""
    old, new = tmp_path / "old", tmp_path / "o'brien" / "project"
    old.mkdir()
    for name in (
        "models",
        "macros",
        "seeds",
        "tests",
        "dbt_project.yml",
        "profiles.yml",
        "schemas",
    ):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, old / name)
    environment = {"DBT_PROFILES_DIR": "", "DBT_TARGET_PATH": "target", "LA_PIPES_TARGET": "dev"}
    environment |= {"LA_PIPES_LOG_DIR": "logs", "LA_PIPES_DUCKDB_PATH": "warehouse/w.duckdb"}
    for place in (old, new):
        new.parent.mkdir(exist_ok=True)
        if place is new:
            shutil.move(old, new)
        city = City("duckdb", environment | {"LA_PIPES_PROJECT_DIR": str(place)}, _never)
        result = city.la_pipes("build", "--select", "consequence_factors")
        assert result.exit_code == 0, result.output
    assert not old.exists()


def _never() -> Warehouse:
    raise AssertionError


def test_reading_a_file_takes_no_more_memory_than_is_set_aside_for_it(duckdb_city: City) -> None:
    """What does not fit goes to disk; afterwards the warehouse has its memory back."""
    with duckdb_city.connect() as warehouse:
        before = warehouse.scalar("select current_setting('memory_limit')")
        with open_scratch(warehouse) as scratch:
            scratch.execute(
                "create table wide as "
                "select repeat(md5(cast(range as text)), 30) as text from range(1000000)"
            )
            held = scratch.scalar("select sum(memory_usage_bytes) from duckdb_memory()")
            assert 0 < held < 700e6  # the text alone is 1 GB
            assert scratch.scalar("select count(*) from wide") == 1_000_000
        assert warehouse.scalar("select current_setting('memory_limit')") == before


def test_a_scratch_of_its_own_leaves_nothing_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_scratch() as scratch:
        scratch.execute(
            "create table wide as "
            "select repeat(md5(cast(range as text)), 30) as text from range(1000000)"
        )
        where = Path(str(scratch.scalar("select current_setting('temp_directory')")))
        assert list(where.iterdir())
        assert not list(tmp_path.iterdir())
    assert not where.exists()
