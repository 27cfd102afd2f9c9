"""The Postgres of the system, which is older than the wheel's: the same rows as on that one."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cities import City
from faults import all_rows, assert_same_rows
from la_pipeline_failure_predict.warehouse.postgres_engine import OLDEST_VERSION, PostgresWarehouse

PROGRAMS = sorted(
    folder
    for folder in Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    if int(folder.parent.name) >= OLDEST_VERSION and (folder / "initdb").is_file()
)
# They grow with every build, or name what differs between versions.
LEFT_OUT = (
    "raw.steps",
    "staging.stg_quality__check_results",
    "features.fct_pipe_features__parts",
    "powerbi.data_quality",
)
pytestmark = pytest.mark.skipif(
    not PROGRAMS, reason="the system has no Postgres 14 or newer (apt install postgresql)"
)


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda folder: folder.parent.name)
def server(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Start a server of the system on a socket of its own; returns its folder."""
    with tempfile.TemporaryDirectory(prefix="la-pipes-pg-") as name:
        folder = Path(name)
        user = None
        if os.geteuid() == 0:  # the server refuses to run as root
            user = next(u for u in ("postgres", "nobody") if _is_user(u))
            shutil.chown(folder, user)

        def run(program: str, *arguments: object) -> None:
            command = [str(request.param / program), *map(str, arguments)]
            subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        data, options = folder / "data", f'-h "" -k {folder}'
        run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--encoding=utf8", "--locale=C")
        run("pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield folder
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def _is_user(name: str) -> bool:
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


def test_every_step_gives_the_rows_of_the_newest(
    server: Path,
    make_city: Callable[[str], City],
    sample_cities: dict[str, City],
    sample_files: Path,
    tmp_path: Path,
) -> None:
    city = make_city("postgres")
    place = {"host": str(server), "port": "5432", "user": "postgres", "database": "postgres"}
    city.environment |= {f"LA_PIPES_POSTGRES_{key.upper()}": text for key, text in place.items()}
    city.connect = lambda: PostgresWarehouse(place)
    city.run_all(sample_files)
    newest = all_rows(sample_cities["postgres"], LEFT_OUT)
    assert_same_rows(all_rows(city, LEFT_OUT), newest, "on an older Postgres")
    checked = city.la_pipes("check", "--docs", tmp_path / "docs")
    assert checked.exit_code == 0, checked.output
