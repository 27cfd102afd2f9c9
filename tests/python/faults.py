"""Commands in processes of their own, to be killed, crowded or starved."""

import math
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import NamedTemporaryFile

import pyarrow as pa

from cities import City

# Imports take longer than the work of a small command, and nothing can be lost in them: children
# start with the imports done, so that the moment of a kill falls into the work.
_context = get_context("forkserver")
_context.set_forkserver_preload(
    [
        "adbc_driver_postgresql.dbapi",
        "click.testing",
        "dbt.config.profile",
        "la_pipeline_failure_predict.pipeline",
        "la_pipeline_failure_predict.cli",
    ]
)


def _child(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    printed: str,
    most_bytes: int | None,
) -> None:
    os.setsid()  # a group of its own, so that it can be killed with the dbt it starts
    if most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    with Path(printed).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(environment)
    sys.argv = ["la-pipes", *arguments]
    from la_pipeline_failure_predict.cli import main

    main()


@dataclass
class Command:
    """A la-pipes command under way."""

    process: BaseProcess
    printed: Path
    started: float

    def kill(self) -> None:
        """Kill it and what it has started, as `kill -9` of the group does."""
        if self.process.pid is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:  # it had not yet made its group, or has ended
                self.process.kill()
        self.process.join()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and what it has started."""
        assert self.process.pid is not None
        os.killpg(self.process.pid, number)

    def wait(self, seconds: float = 120) -> tuple[int | None, str]:
        """Return exit code and output."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.kill()
            raise AssertionError(f"still running after {seconds} s: {self.output}")
        return self.process.exitcode, self.output

    @property
    def output(self) -> str:
        return self.printed.read_text()

    def wait_for_output(self, text: str, seconds: float = 60) -> None:
        """Wait until it has printed something."""
        end = time.monotonic() + seconds
        while text not in self.output:
            assert time.monotonic() < end, f"{text!r} not printed: {self.output}"
            assert self.process.is_alive(), f"ended without {text!r}: {self.output}"
            time.sleep(0.02)


def start(
    city: City, *arguments: object, most_bytes: int | None = None, **environment: str
) -> Command:
    """Start a command on a city's warehouse; no file may grow above `most_bytes`."""
    folder = city.environment["DBT_PROFILES_DIR"]  # pytest removes it with the city
    with NamedTemporaryFile(dir=folder, suffix=".out", delete=False) as file:
        printed = Path(file.name)
    texts = [str(argument) for argument in arguments]
    process = _context.Process(
        target=_child, args=(texts, city.environment | environment, str(printed), most_bytes)
    )
    process.start()
    return Command(process, printed, time.monotonic())


def finish(city: City, *arguments: object, **environment: str) -> str:
    """Run a command to its end, which must be good; returns what it printed."""
    code, printed = start(city, *arguments, **environment).wait()
    assert code == 0, printed
    return printed


# Columns that differ between two runs that did the same: moments, and what depends on the order in
# which the engine gives rows, as the random ranking and the resampled intervals do.
MOMENTS = (
    "_loaded_at",
    "loaded_at",
    "delivered_at",
    "quarantined_at",
    "scored_at",
    "finished_at",
    "trained_at",
    "computed_at",
    "promoted_at",
    "checked_at",
)
BY_ROW_ORDER = {"ml.model_metrics": ("value", "lower_95", "upper_95")}
Row = tuple[object, ...]
SCHEMAS = ("raw", "ml", "core", "features", "risk", "powerbi", "seeds", "intermediate", "staging")


def all_rows(city: City, leave_out: Iterable[str] = ()) -> dict[str, list[Row]]:
    """Return the rows of every table and view, sorted, without moments."""
    with city.connect() as warehouse:
        columns: dict[str, list[str]] = {}
        listed = warehouse.query(
            "select table_schema, table_name, column_name from information_schema.columns "
            "order by table_schema, table_name, ordinal_position"
        ).to_pylist()
        for row in listed:
            name = f"{row['table_schema']}.{row['table_name']}"
            if row["table_schema"] in SCHEMAS and name not in leave_out:
                columns.setdefault(name, [])
                if row["column_name"] not in (*MOMENTS, *BY_ROW_ORDER.get(name, ())):
                    columns[name].append(f'"{row["column_name"]}"')
        return {
            name: _sorted(warehouse.query(f"select {', '.join(chosen)} from {name}"))
            for name, chosen in columns.items()
        }


def _sorted(table: pa.Table) -> list[Row]:
    """Sort rows by what is exact in them first: sums differ in the last digit with their order."""
    is_float = [pa.types.is_floating(field.type) for field in table.schema]
    exact = [
        name for name, inexact in zip(table.column_names, is_float, strict=True) if not inexact
    ]
    columns = [
        table.column(name).to_pylist() for name in dict.fromkeys([*exact, *table.column_names])
    ]
    return sorted(zip(*columns, strict=True), key=lambda row: [str(value) for value in row])


def assert_same_rows(found: dict[str, list[Row]], wanted: dict[str, list[Row]], why: str) -> None:
    """Compare all tables, and say which rows of which differ."""
    assert sorted(found) == sorted(wanted), why
    for name, rows in wanted.items():
        assert len(found[name]) == len(rows), f"{name}: {len(found[name])} for {len(rows)}; {why}"
        for have, want in zip(found[name], rows, strict=True):
            assert have == want or all(map(_is_same, have, want)), (
                f"{name}: {have} != {want}; {why}"
            )


def _is_same(have: object, want: object) -> bool:
    if isinstance(have, float) and isinstance(want, float):
        return math.isclose(have, want, rel_tol=1e-9)
    return have == want
