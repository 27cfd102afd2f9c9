"""Open the warehouse that dbt's own profile names."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import environ
from pathlib import Path

import yaml

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import read_text
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse.base import Warehouse
from la_pipeline_failure_predict.warehouse.duckdb_engine import (
    DuckDBBuild,
    DuckDBLock,
    DuckDBScratch,
    DuckDBWarehouse,
)
from la_pipeline_failure_predict.warehouse.locks import Lock, ended_when_lost, wait_for
from la_pipeline_failure_predict.warehouse.postgres_engine import PostgresLock, PostgresWarehouse


@dataclass(frozen=True)
class Connection:
    """A target of the dbt profile with its rendered credentials."""

    target: str
    engine: str
    credentials: Mapping[str, object]


@dataclass(frozen=True)
class Engine:
    """How to open a warehouse of an engine, and its lock."""

    open: Callable[[Settings, Mapping[str, object]], Warehouse]
    lock: Callable[[Settings, Mapping[str, object]], Lock]


def _duckdb_path(settings: Settings, credentials: Mapping[str, object]) -> str:
    path = str(credentials["path"])
    if path == ":memory:":
        raise UserError(
            "An in-memory warehouse is lost between two steps: name a file with "
            "LA_PIPES_DUCKDB_PATH."
        )
    return str(settings.root / path)


def _lock_duckdb(settings: Settings, credentials: Mapping[str, object]) -> Lock:
    return DuckDBLock(_duckdb_path(settings, credentials))


def _open_duckdb(settings: Settings, credentials: Mapping[str, object]) -> Warehouse:
    # Readers also take the lock, because only one process can open the file.
    path = _duckdb_path(settings, credentials)
    lock = DuckDBLock(path)
    wait_for(lock.try_acquire, settings.lock_wait_s, f"warehouse {path}")
    try:
        return DuckDBWarehouse(path, wait_s=settings.lock_wait_s, lock=lock)
    except BaseException:
        lock.release()
        raise


def _lock_postgres(settings: Settings, credentials: Mapping[str, object]) -> Lock:
    return PostgresLock(credentials, settings.lock_wait_s)


def _open_postgres(settings: Settings, credentials: Mapping[str, object]) -> Warehouse:
    return PostgresWarehouse(credentials, settings.lock_wait_s)


ENGINES: Mapping[str, Engine] = {
    "duckdb": Engine(_open_duckdb, _lock_duckdb),
    "postgres": Engine(_open_postgres, _lock_postgres),
}


def connect(settings: Settings) -> Warehouse:
    """Connect to the target's warehouse.

    Raises
    ------
    UserError
        If the profile or target is missing, the engine is not known, the database cannot be
        reached, refuses the password, or is locked by another process.
    """
    connection = read_connection(settings)
    return _engine(connection).open(settings, connection.credentials)


@contextmanager
def one_writer(settings: Settings) -> Iterator[None]:
    """Be the only la-pipes command that writes to the warehouse, dbt runs included.

    Waits for another one as long as the settings say.

    Raises
    ------
    UserError
        If another command has not finished by then, the warehouse cannot be reached, or the lock
        is lost meanwhile.
    """
    connection = read_connection(settings)
    lock = _engine(connection).lock(settings, connection.credentials)
    label = f"warehouse of target {connection.target}"
    try:
        wait_for(lock.try_acquire, settings.lock_wait_s, label)
        with ended_when_lost(lock, label):
            yield
    finally:
        lock.release()


def _engine(connection: Connection) -> Engine:
    engine = ENGINES.get(connection.engine)
    if engine is None:
        raise UserError(
            f"Target {connection.target} uses {connection.engine}; la-pipes works with "
            f"{' and '.join(sorted(ENGINES))}."
        )
    return engine


def open_scratch(warehouse: Warehouse | None = None) -> DuckDBScratch:
    """Open an empty in-memory database that reads delivered files, for a warehouse or for none."""
    return DuckDBScratch(warehouse if isinstance(warehouse, DuckDBWarehouse) else None)


def open_build(file: Path) -> Warehouse:
    """Open a warehouse that is one file to read it, whatever the target.

    Raises
    ------
    UserError
        If the file is not a warehouse, or is locked by another process.
    """
    with file.open("rb") as stream:
        if stream.read(12)[8:] != b"DUCK":
            raise UserError(
                f"{file} is not a build: name a DuckDB file, or one written by la-pipes compare "
                "--save."
            )
    return DuckDBBuild(str(file))


def read_connection(settings: Settings) -> Connection:
    """Read the target's connection as dbt itself would.

    Raises
    ------
    UserError
        If there is no profile, the target is not in it, or a variable it needs is not set.
    """
    profiles_dir = find_profiles_dir(settings.root)
    try:
        raw = _read_profile(profiles_dir / "profiles.yml")
        if not isinstance(raw, dict) or "outputs" not in raw:
            raise UserError(
                f"{profiles_dir / 'profiles.yml'} has no profile la_pipes: "
                "copy it from profiles.yml.example, or unset DBT_PROFILES_DIR."
            )
        target = settings.target or str(_render(raw.get("target", "default")))
        outputs = raw["outputs"]
        if target not in outputs:
            raise _unknown_target(target, outputs)
        rendered = {key: _render(value) for key, value in outputs[target].items()}
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"profiles.yml cannot be read: {_last_line(error)}") from None
    # dbt's own aliases.
    rendered["database"] = rendered.get("database") or rendered.get("dbname")
    rendered["password"] = rendered.get("password") or rendered.get("pass")
    return Connection(target=target, engine=str(rendered.get("type")), credentials=rendered)


def _read_profile(file: Path) -> object:
    content = yaml.safe_load(read_text(file, "The profile"))
    return content.get("la_pipes") if isinstance(content, dict) else None


def _render(value: object) -> object:
    """Render a setting as dbt does, with dbt's own Jinja; only `env_var` is known, as in a profile.

    dbt's own reader would do, but takes two seconds to import, in every command.
    """
    from dbt_common.clients.jinja import get_template, render_template

    if not isinstance(value, str):
        return value
    return render_template(get_template(value, {"env_var": _env_var}, native=True), {})


def _env_var(name: str, default: str | None = None) -> str:
    found = environ.get(name, default)
    if found is None:
        raise UserError(f"profiles.yml cannot be read: set the variable {name}, which it reads.")
    return found


def check_target(settings: Settings) -> None:
    """Refuse a target that the settings name and the profile lacks.

    It needs no import of dbt, and passes over a profile that is missing or cannot be read.

    Raises
    ------
    UserError
        If the profile has other targets only.
    """
    if not settings.target:
        return
    try:
        file = find_profiles_dir(settings.root) / "profiles.yml"
        outputs = _read_profile(file)["outputs"]  # type: ignore[index]
    except (UserError, yaml.YAMLError, KeyError, TypeError):
        return
    if settings.target not in outputs:
        raise _unknown_target(settings.target, outputs)


def _unknown_target(target: str, outputs: Iterable[str]) -> UserError:
    return UserError(
        f"Unknown dbt target {target!r}: profiles.yml has {', '.join(sorted(outputs))}; "
        "choose one with --target or LA_PIPES_TARGET."
    )


def find_profiles_dir(root: Path) -> Path:
    """Return the folder whose profiles.yml dbt would read.

    Raises
    ------
    UserError
        If there is none.
    """
    named = environ.get("DBT_PROFILES_DIR")
    places = [Path(named)] if named else [root]
    if not named:
        with suppress(RuntimeError):  # a user of a container may have no home
            places.append(Path.home() / ".dbt")
    for place in places:
        if (place / "profiles.yml").is_file():
            return place
    raise UserError(
        f"No profiles.yml in {places[0]}: copy profiles.yml.example there, "
        "or unset DBT_PROFILES_DIR to use the project's."
    )


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
