"""What stops half-way: killed, crowded, out of space, cut off; nothing is lost, and it says so."""

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cities import ENGINES, City
from faults import all_rows, assert_same_rows, finish, start

SEED = int(os.environ.get("LA_PIPES_TEST_SEED", "20260301"))
FILES = ("areas.geojson", "soils.geojson", "climate.csv", "pipes.csv", "breaks.csv")
# Kills a command; the loads are five.
KILLS = {"load": 4, "link": 2, "run": 3, "score": 5, "promote": 4}


@pytest.fixture(scope="session")
def small_files(tmp_path_factory: pytest.TempPathFactory, make_city: Callable[[str], City]) -> Path:
    """The smallest sample; returns its folder."""
    folder = tmp_path_factory.mktemp("small") / "delivery"
    finish(make_city("duckdb"), "sample", "--pipes", 1000, "--seed", 3, "--to", folder)
    return folder


def loads(folder: Path) -> Iterator[tuple[object, ...]]:
    """Yield the commands that load the sample."""
    for name in FILES:
        source = name.split(".")[0]
        mapping = ("--mapping", folder / "mapping.yml") if source == "breaks" else ()
        yield ("load", source, folder / name, *mapping)


def promotion(city: City) -> tuple[object, ...]:
    """Return the command that promotes the run of the mains."""
    run_id = city.value("select max(run_id) from ml.model_runs where grain = 'pipe'")
    return ("promote", run_id)


@pytest.mark.parametrize("engine", ENGINES)
def test_killed_at_any_moment_and_run_again_gives_the_same_rows(
    engine: str, make_city: Callable[[str], City], small_files: Path
) -> None:
    """Kill each step at random moments, finish it, and compare with an undisturbed warehouse."""
    seconds: dict[tuple[object, ...], float] = {}

    def undisturbed(city: City, command: tuple[object, ...]) -> None:
        began = time.monotonic()
        finish(city, *command)
        seconds[command] = time.monotonic() - began

    calm = make_city(engine)
    run = ("run", "--delivery", small_files / "delivery.yml")
    finish(calm, "init")
    for command in (*loads(small_files), ("link",), run, ("score",)):
        undisturbed(calm, command)
    promote = promotion(calm)
    undisturbed(calm, promote)
    finish(calm, "run")

    draw = random.Random(f"{SEED}-{engine}")
    moments: list[str] = []

    def killed(city: City, command: tuple[object, ...]) -> None:
        for _ in range(KILLS[str(command[0])]):
            moment = draw.uniform(0, seconds[command])
            moments.append(f"{command[0]} at {moment:.2f} s")
            under_way = start(city, *command)
            time.sleep(moment)
            under_way.kill()

    rough = make_city(engine)
    for command in (*loads(small_files), ("link",), run, ("score",), promote):
        killed(rough, command)
        finish(rough, *command)
    finish(rough, "run")
    assert len(moments) >= 30
    why = f"seed {SEED} (LA_PIPES_TEST_SEED), killed {', '.join(moments)}"
    # The fingerprints of steps hold the moments of scoring.
    assert_same_rows(all_rows(rough, ["raw.steps"]), all_rows(calm, ["raw.steps"]), why)
