"""The command line where the surroundings are wrong: every answer names the fix."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
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
        ("deliveries: []", "at least 1 item"),
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
