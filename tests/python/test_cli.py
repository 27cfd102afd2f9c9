"""The command line where the surroundings are wrong: every answer names the fix."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from dbt.adapters.postgres.connections import PostgresCredentials

from cities import GUARDED_USER, ROOT, City
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse.open import read_connection


def test_help_of_every_command_has_an_example(duckdb_city: City) -> None:
    listed = set(commands_below(duckdb_city))
    assert {("demo",), ("run",), ("load",), ("quarantine", "retry")} <= listed
    for command in listed:
        result = duckdb_city.la_pipes(*command, "--help")
        assert result.exit_code == 0
        assert f"Example: la-pipes {' '.join(command)}" in result.output, command


def test_help_fits_80_columns_and_cuts_no_summary_short(duckdb_city: City) -> None:
    duckdb_city.environment["COLUMNS"] = "80"
    for command in commands_below(duckdb_city):
        *group, name = command
        listed = " ".join(duckdb_city.la_pipes(*group, "--help").output.split())
        printed = duckdb_city.la_pipes(*command, "--help").output
        summary = " ".join(printed.partition("\n\n")[2].partition("\n\n")[0].split())
        assert f"{name} {summary.partition('. ')[0]}" in listed
    lines = [line for printed in duckdb_city.printed for line in printed.splitlines()]
    assert [line for line in lines if len(line) > 80] == []


def test_help_imports_nothing_that_takes_seconds() -> None:
    slow = ("pandas", "pyarrow", "sqlalchemy", "dbt", "duckdb", "sklearn")
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from la_pipeline_failure_predict.cli import main\n"
        "print(CliRunner().invoke(main, ['--help']).output)\n"
        f"print('slow:', [name for name in {slow} if name in sys.modules])\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "Build and test the marts: the same as `dbt build`." in printed
    assert printed.strip().endswith("slow: []")


def commands_below(city: City, *group: str) -> Iterator[tuple[str, ...]]:
    """Yield every command, those of groups too, as --help lists them."""
    listed = city.la_pipes(*group, "--help").output.split("Commands:")
    if len(listed) == 1:
        yield group
        return
    for line in re.findall(r"^  (\S+) ", listed[1], re.MULTILINE):
        yield from commands_below(city, *group, line)


def test_unknown_target_names_those_that_exist(duckdb_city: City) -> None:
    result = duckdb_city.la_pipes("init", "--target", "prod")
    assert result.exit_code == 2
    assert "Unknown dbt target 'prod': profiles.yml has dev, postgres" in result.output
    # Also where no warehouse is opened.
    for command in (["powerbi", "check"], ["contracts", "sync", "--check"]):
        result = duckdb_city.la_pipes(*command, "--target", "nope")
        assert result.exit_code == 2
        assert "Unknown dbt target 'nope': profiles.yml has dev, postgres" in result.output


def test_no_profile_says_where_to_get_one(duckdb_city: City, tmp_path: Path) -> None:
    duckdb_city.environment["DBT_PROFILES_DIR"] = str(tmp_path)
    result = duckdb_city.la_pipes("link")
    assert result.exit_code == 2
    assert "unset DBT_PROFILES_DIR to use the project's" in result.output


def test_the_example_is_a_profile_that_dbt_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another server, not a second copy of the profile that the project comes with."""
    raw = yaml.safe_load((ROOT / "profiles.yml.example").read_text())
    own = yaml.safe_load((ROOT / "profiles.yml").read_text())
    assert not set(raw["la_pipes"]["outputs"]) & set(own["la_pipes"]["outputs"])
    shutil.copyfile(ROOT / "profiles.yml.example", tmp_path / "profiles.yml")
    monkeypatch.setenv("DBT_PROFILES_DIR", str(tmp_path))
    monkeypatch.setenv("DBT_ENV_SECRET_LA_PIPES_POSTGRES_PASSWORD", "x")
    connection = read_connection(Settings(project_dir=ROOT))
    assert (connection.target, connection.engine) == ("team", "postgres")
    team = raw["la_pipes"]["outputs"]["team"]
    credentials = {name: team[name] for name in team if name not in ("type", "threads")}
    PostgresCredentials.validate(PostgresCredentials.translate_aliases(credentials))


def test_outside_the_project(duckdb_city: City, tmp_path: Path) -> None:
    result = duckdb_city.la_pipes("doctor", "--project-dir", tmp_path)
    assert result.exit_code == 2
    assert "No dbt_project.yml" in result.output


def test_postgres_that_is_down(duckdb_city: City) -> None:
    duckdb_city.environment |= {
        "LA_PIPES_POSTGRES_HOST": "127.0.0.1",
        "LA_PIPES_POSTGRES_PORT": "1",
        "DBT_ENV_SECRET_LA_PIPES_POSTGRES_PASSWORD": "hunter2secret",
    }
    for command in (["init"], ["link"], ["train"], ["run"]):
        result = duckdb_city.la_pipes(*command, "--target", "postgres")
        assert result.exit_code == 2
        assert "Cannot reach Postgres at 127.0.0.1:1: start the server" in result.output
        assert "hunter2secret" not in result.output


def test_wrong_password_is_named_and_not_shown(make_city: Callable[[str], City]) -> None:
    city = make_city("postgres")
    city.environment |= {
        "LA_PIPES_POSTGRES_USER": GUARDED_USER,
        "DBT_ENV_SECRET_LA_PIPES_POSTGRES_PASSWORD": "wrongsecret",
    }
    result = city.la_pipes("init")
    assert result.exit_code == 2
    assert f"refused user {GUARDED_USER}" in result.output
    assert "DBT_ENV_SECRET_LA_PIPES_POSTGRES_PASSWORD" in result.output
    assert "wrongsecret" not in result.output


def test_missing_database_is_named(make_city: Callable[[str], City]) -> None:
    city = make_city("postgres")
    city.environment["LA_PIPES_POSTGRES_DATABASE"] = "nowhere"
    result = city.la_pipes("init")
    assert result.exit_code == 2
    assert "has no database nowhere" in result.output


def test_locked_warehouse_names_the_process(duckdb_city: City, tmp_path: Path) -> None:
    duckdb_city.la_pipes("init")
    path = duckdb_city.environment["LA_PIPES_DUCKDB_PATH"]
    hold = f"import duckdb, time; held = duckdb.connect({path!r}); print('held', flush=True); "
    hold += "time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            duckdb_city.environment["LA_PIPES_LOCK_WAIT_S"] = "1.2"
            started = time.monotonic()
            result = duckdb_city.la_pipes("link")
            assert result.exit_code == 2
            assert f"locked by process {holder.pid}" in result.output
            assert f"Waiting for process {holder.pid} to finish, at most 1.2 s" in result.output
            assert time.monotonic() - started < 30
        finally:
            holder.kill()


def test_not_a_warehouse(duckdb_city: City) -> None:
    Path(duckdb_city.environment["LA_PIPES_DUCKDB_PATH"]).write_text("a letter to my aunt " * 500)
    result = duckdb_city.la_pipes("init")
    assert result.exit_code == 2
    assert "not a DuckDB file" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["promote", ""],
        ["load", "pipes", ""],
        ["load", "pipes", "mains.csv", "--mapping="],
        ["score", "--run-id", ""],
    ],
)
def test_an_empty_argument_is_not_one_left_out(duckdb_city: City, arguments: list[str]) -> None:
    result = duckdb_city.la_pipes(*arguments)
    assert result.exit_code == 2
    assert "An argument is empty: set the variable of the shell" in result.output


@pytest.mark.parametrize("seed", ["-1", str(2**32)])
def test_a_seed_that_no_generator_takes(duckdb_city: City, seed: str) -> None:
    result = duckdb_city.la_pipes("train", "--seed", seed)
    assert result.exit_code == 2
    assert "is not in the range" in result.output


def test_settings_are_checked(duckdb_city: City) -> None:
    duckdb_city.environment["LA_PIPES_LINK_DISTANCE_M"] = "near"
    result = duckdb_city.la_pipes("link")
    assert result.exit_code == 2
    assert "LA_PIPES_LINK_DISTANCE_M" in result.output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No delivery file"),
        ("deliveries: []", "must not be empty"),
        ("deliveries: [{source: pipes, file: nowhere.csv}]", "nowhere.csv, which does not exist"),
        ("deliveries: [{source: tubes, file: x.csv}]", "Unknown source 'tubes'"),
    ],
)
def test_bad_delivery_files(
    duckdb_city: City, tmp_path: Path, content: str | None, says: str
) -> None:
    path = tmp_path / "delivery.yml"
    if content is not None:
        path.write_text(content)
    result = duckdb_city.la_pipes("run", "--delivery", path)
    assert result.exit_code == 2
    assert says in result.output


def test_doctor_lists_what_is_missing_with_its_mend(duckdb_city: City) -> None:
    result = duckdb_city.la_pipes("doctor")
    assert result.exit_code == 1
    assert "missing landing, model and score tables: la-pipes init" in result.output
    assert "missing rows in raw.loads: la-pipes load" in result.output


def test_run_with_nothing_loaded_says_load(empty_city: City) -> None:
    result = empty_city.la_pipes("run")
    assert result.exit_code == 2
    assert "Nothing is loaded into the" in result.output


def test_report_needs_scores(duckdb_city: City) -> None:
    result = duckdb_city.la_pipes("report")
    assert result.exit_code == 2
    assert "run la-pipes run first" in result.output


def test_train_without_features_says_what_to_do(duckdb_city: City) -> None:
    duckdb_city.la_pipes("init")
    result = duckdb_city.la_pipes("train")
    assert result.exit_code == 2
    assert "la-pipes build" in result.output


def test_log_of_a_run_holds_no_secret(duckdb_city: City) -> None:
    secret = "correct-horse-battery"
    duckdb_city.environment["DBT_ENV_SECRET_LA_PIPES_POSTGRES_PASSWORD"] = secret
    duckdb_city.la_pipes("build", "--select", secret)
    logs = Path(duckdb_city.environment["LA_PIPES_LOG_DIR"]).rglob("*.log")
    texts = [path.read_text() for path in logs]
    assert any("running dbt build" in text for text in texts)
    assert not any(secret in text for text in texts)


def test_generated_files_match_what_they_come_from(duckdb_city: City) -> None:
    result = duckdb_city.la_pipes("contracts", "sync", "--check")
    assert result.exit_code == 0, result.output


def as_another_user(
    city: City, *arguments: object, user: int | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own with nothing in its environment but the city's."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "la_pipeline_failure_predict.cli", *map(str, arguments)],
        env=kept | city.environment | environment,
        capture_output=True,
        text=True,
        user=user,
        timeout=300,
    )


@pytest.fixture
def other_project(duckdb_city: City, tmp_path: Path) -> City:
    """A project folder of its own, with nothing but what commands look for first."""
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    for name in ("schemas", "seeds", "macros"):
        (tmp_path / name).symlink_to(ROOT / name)
    return replace(
        duckdb_city,
        environment=duckdb_city.environment
        | {"LA_PIPES_PROJECT_DIR": str(tmp_path), "DBT_PROFILES_DIR": str(tmp_path)},
    )


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (".env", "LA_PIPES_TARGET=ü".encode("latin-1"), "is not UTF-8 text"),
        (".env", b"LA_PIPES_TARGET=dev\0", "contains NUL characters"),
        (".env", None, "is not an ordinary file"),
        ("profiles.yml", b"", "has no profile la_pipes"),
        ("profiles.yml", "la_pipes: ü".encode("latin-1"), "is not UTF-8 text"),
        ("profiles.yml", b"[", "profiles.yml cannot be read"),
        ("profiles.yml", b"la_pipes: {outputs: {dev: 7}}", "profiles.yml cannot be read"),
    ],
)
def test_a_file_of_settings_that_is_no_text(
    other_project: City, tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    (tmp_path / name).unlink(missing_ok=True)
    if content is None:
        os.mkfifo(tmp_path / name)
    else:
        (tmp_path / name).write_bytes(content)
    result = as_another_user(other_project, "init")
    assert (result.returncode, result.stdout) == (2, ""), result
    assert result.stderr.startswith("Error: ")
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_a_pipe_where_a_file_should_be(duckdb_city: City, tmp_path: Path) -> None:
    """Nobody writes into it, so reading it would wait for ever."""
    pipe, mains = tmp_path / "pipe", tmp_path / "mains.csv"
    os.mkfifo(pipe)
    mains.write_text("pipe_id,length_m\n1,5\n")
    for arguments in (
        ("load", "pipes", pipe),
        ("load", "pipes", mains, "--mapping", pipe),
        ("backtest", "--config", pipe),
        ("run", "--delivery", pipe),
        ("quarantine", "retry", pipe),
    ):
        result = duckdb_city.la_pipes(*arguments)
        assert result.exit_code == 2, arguments
        assert "is not an ordinary file" in result.output or "No " in result.output
    duckdb_city.environment["LA_PIPES_DUCKDB_PATH"] = str(pipe)
    result = duckdb_city.la_pipes("init")
    assert result.exit_code == 2
    assert "is not a file: move it away" in result.output


def _can_run(user: int) -> bool:
    try:
        subprocess.run([sys.executable, "-c", "import duckdb"], user=user, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root becomes someone else")
def test_a_user_without_a_name_and_a_home(make_city: Callable[[str], City]) -> None:
    """As a container runs: a number for a user, and no HOME."""
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are root's alone
        folder = Path(place)
        city = make_city("duckdb")
        shutil.copyfile(ROOT / "profiles.yml", folder / "profiles.yml")
        own = {
            "DBT_PROFILES_DIR": place,
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
            "LA_PIPES_LOG_DIR": str(folder / "logs"),
            "LA_PIPES_DUCKDB_PATH": str(folder / "warehouse.duckdb"),
        }
        folder.chmod(0o755)
        if not _can_run(54321):
            pytest.skip("another user may not read this Python")
        refused = as_another_user(city, "init", user=54321, **own)
        assert refused.returncode == 2, refused
        assert "Cannot write the log" in refused.stderr
        folder.chmod(0o777)
        assert as_another_user(city, "init", user=54321, **own).returncode == 0
        for command in ("doctor", "run"):
            result = as_another_user(city, command, user=54321, **own)
            assert "Traceback" not in result.stderr
            assert "unexpected" not in result.stderr
        del own["DBT_PROFILES_DIR"]
        bare = replace(city, environment={"LA_PIPES_PROJECT_DIR": str(ROOT)})
        assert as_another_user(bare, "doctor", user=54321, **own).returncode in (0, 1)
