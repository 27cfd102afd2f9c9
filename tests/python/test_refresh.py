"""A refresh builds only what a delivery reached, and holds the rows of a full build."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cities import ENGINES, City
from faults import all_rows, assert_same_rows
from la_pipeline_failure_predict.dbt_runner import run_dbt
from la_pipeline_failure_predict.settings import read_settings
from test_quarantine import fix

# They grow with every build, or are noted by those that were built in parts.
HISTORIES = (
    "raw.steps",
    "staging.stg_quality__check_results",
    "features.fct_pipe_features__parts",
)
BUILDS_OF_MAINS = (
    "select count(*) from quality.check_results "
    "where table_name = 'dim_pipes' and rule = 'unique pipe_id'"
)
REFUSED = "B000R1"


def read_csv(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def write_csv(file: Path, rows: list[dict[str, str]]) -> Path:
    with file.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return file


def run(city: City, *arguments: object) -> str:
    """Run a command that must end well; returns what it printed."""
    result = city.la_pipes(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def load_breaks(city: City, files: Path, folder: Path) -> None:
    """A month's breaks: one without a main, one at an unknown place, one that cannot be read."""
    rows = [row for row in read_csv(files / "breaks.csv") if row["broke_on"] > "2024-06-01"][:4]
    for number, row in enumerate(rows, 1):
        row |= {"break_id": f"B000N{number}", "broke_on": f"2025-01-0{number}"}
    rows[0]["pipe_id"] = ""
    rows[1] |= {"longitude": "", "latitude": ""}
    rows.append(rows[2] | {"break_id": REFUSED, "broke_on": "yesterday"})
    (folder / "breaks.yml").write_text("breaks: {record: {until: 2025-01-31}}")
    file = write_csv(folder / "breaks.csv", rows)
    arguments = ("--mapping", folder / "breaks.yml", "--max-rejects", "50%")
    assert "4 loaded + 1 quarantined" in run(city, "load", "breaks", file, *arguments)


def fix_breaks(city: City, files: Path, folder: Path) -> None:
    """The break that could not be read is fixed and takes its place in its delivery."""
    run(city, "quarantine", "export", "--to", folder / "out")
    (file,) = (folder / "out").iterdir()
    run(city, "quarantine", "retry", fix(file, {"5": {"broke_on": "2025-01-09"}}))
    assert city.value(f"select count(*) from raw.breaks where break_id = '{REFUSED}'") == 1


def load_mains(city: City, files: Path, folder: Path) -> None:
    """An inventory that lacks mains, has others elsewhere, and says what nobody foresaw."""
    rows = read_csv(files / "pipes.csv")[20:]
    for row in rows[:20]:
        for end in ("start", "end"):
            row[f"{end}_longitude"] = str(float(row[f"{end}_longitude"]) + 0.02)
    rows = [row | {"AADT": str(number % 500)} for number, row in enumerate(rows)]
    (folder / "pipes.yml").write_text(
        "pipes: {attributes: {traffic: {from: AADT, type: number, unit: vehicle/day}}}"
    )
    file = write_csv(folder / "pipes.csv", rows)
    run(city, "load", "pipes", file, "--mapping", folder / "pipes.yml")


def restate_mains(city: City, files: Path, folder: Path) -> None:
    """The inventory is said to be of a part only: what it lacks has not left."""
    mapping = ("--mapping", folder / "pipes.yml", "--extent", "partial")
    assert "loaded before" in run(city, "load", "pipes", folder / "pipes.csv", *mapping)


def redraw_places(city: City, files: Path, folder: Path) -> None:
    """Each area is drawn where its neighbor was; each soil is more corrosive; it rained more."""
    for name in ("areas", "soils"):
        places = json.loads((files / f"{name}.geojson").read_text())
        shapes = [place["geometry"] for place in places["features"]]
        for place, shape in zip(places["features"], [*shapes[1:], shapes[0]], strict=True):
            place["geometry"] = shape
        (folder / f"{name}.geojson").write_text(json.dumps(places))
        run(city, "load", name, folder / f"{name}.geojson")
    months = read_csv(files / "climate.csv")
    months[40]["rainfall_mm"] = "412.5"
    run(city, "load", "climate", write_csv(folder / "climate.csv", months))


def withdraw_mains(city: City, files: Path, folder: Path) -> None:
    """The newest inventory is withdrawn with its attributes."""
    newest = "select load_id from raw.loads where table_name = 'pipes' order by loaded_at desc"
    run(city, "loads", "withdraw", city.value(newest))


# What happens -> the landing tables that it changes, and whether mains are built again.
DELIVERIES: list[tuple[Callable[[City, Path, Path], None], list[str], bool]] = [
    (load_breaks, ["breaks"], False),
    (fix_breaks, ["breaks"], False),
    (load_mains, ["pipe_attributes", "pipes"], True),
    (restate_mains, ["pipe_attributes", "pipes"], True),
    (redraw_places, ["areas", "climate", "soils"], True),
    (withdraw_mains, ["pipe_attributes", "pipes"], True),
]


@pytest.mark.parametrize("engine", ENGINES)
def test_each_delivery_builds_what_it_reaches(
    sample_cities: dict[str, City],
    copy_city: Callable[[City], City],
    sample_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
) -> None:
    """After each delivery, no row of links, tables and views differs from those of a full build."""
    city = copy_city(sample_cities[engine])
    for name, value in city.environment.items():
        monkeypatch.setenv(name, value)
    run(city, "run")  # other tests of the sample city may have left something to do
    for deliver, tables, is_of_mains in DELIVERIES:
        what = deliver.__doc__ or ""
        before, built_before = all_rows(city, HISTORIES), city.value(BUILDS_OF_MAINS)
        deliver(city, sample_files.parent, tmp_path)
        printed = run(city, "run")
        assert sorted(set(re.findall(r"source:\*\.(\w+)\+", printed))) == tables, what
        assert (city.value(BUILDS_OF_MAINS) > built_before) == is_of_mains, what
        refreshed = all_rows(city, HISTORIES)
        assert refreshed != before, what
        run(city, "link")
        for arguments in (["run"], ["run", "--full-refresh", "--select", "fct_pipe_features"]):
            run_dbt(read_settings(), arguments)
        assert_same_rows(refreshed, all_rows(city, HISTORIES), what)
