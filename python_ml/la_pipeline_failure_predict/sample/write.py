"""Make a sample and write its files, all of them or none."""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from la_pipeline_failure_predict.sample.climate import make_climate
from la_pipeline_failure_predict.sample.delivery import (
    areas_geojson,
    breaks_table,
    climate_table,
    main_ids,
    pipes_table,
    soils_geojson,
)
from la_pipeline_failure_predict.sample.hazard import simulate
from la_pipeline_failure_predict.sample.mains import lay_mains
from la_pipeline_failure_predict.sample.places import cells_m
from la_pipeline_failure_predict.sample.soils import map_soils
from la_pipeline_failure_predict.sample.targets import FIRST_RECORD_YEAR, LAST_RECORD_YEAR

logger = logging.getLogger(__name__)

FEWEST_PIPES: Final = 1_000
_DELIVERY: Final = "delivery.yml"
_MAPPING: Final = "mapping.yml"
_DELIVERIES: Final = {
    "areas": "areas.geojson",
    "soils": "soils.geojson",
    "climate": "climate.csv",
    "pipes": "pipes.csv",
    "breaks": "breaks.csv",
}
_TRUE_HAZARD: Final = "true_hazard.parquet"
_TRUE_HAZARD_SCHEMA: Final = pa.schema(
    [
        pa.field("pipe_id", pa.string(), nullable=False),
        pa.field("year", pa.int32(), nullable=False),
        pa.field("expected_breaks", pa.float64(), nullable=False),
    ]
)


@dataclass(frozen=True)
class SampleFiles:
    """Files of a sample and what they hold.

    Attributes
    ----------
    directory, pipes, breaks, soils, areas, climate, true_hazard, delivery : Path
        The files; `delivery` lists the ones to load, in order.
    pipe_count, break_count, soil_count, area_count : int
        Rows of the files; breaks include cancelled calls and leaks of service lines.
    main_break_count : int
        Breaks of mains.
    """

    directory: Path
    pipes: Path
    breaks: Path
    soils: Path
    areas: Path
    climate: Path
    true_hazard: Path
    delivery: Path
    pipe_count: int
    break_count: int
    main_break_count: int
    soil_count: int
    area_count: int


def write_sample(
    directory: Path,
    pipes: int = 20_000,
    seed: int = 1,
    progress: Callable[[str], None] | None = None,
) -> SampleFiles:
    """Write a Los-Angeles-like network, its breaks and its true hazard.

    Parameters
    ----------
    directory : Path
        Made when missing. Files of an earlier sample in it are replaced, others are left alone;
        while `delivery.yml` is there the sample is whole.
    pipes : int
        Mains to deliver, those retired during the record included. 275,000 fill the city.
    seed : int
        The same seed and size give the same bytes.
    progress : callable, optional
        Told in a few words what happens next.

    Raises
    ------
    ValueError
        If `pipes` is below 1,000 or `seed` is negative.
    """
    if pipes < FEWEST_PIPES:
        raise ValueError(
            f"A sample of {pipes:,} mains is too small to look like a network: "
            f"ask for at least {FEWEST_PIPES:,} mains."
        )
    if seed < 0:
        raise ValueError(f"Seed {seed} is negative: give 0 or a positive whole number.")
    tell = _teller(progress)
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(5)]
    laying, ground, weather, leaking, noting = streams

    tell(f"laying {pipes:,} mains")
    mains = lay_mains(laying, pipes)
    cells = cells_m()
    soils = map_soils(ground, cells[mains.covered])
    climate = make_climate(weather)
    tell("letting them leak")
    process = simulate(leaking, mains, soils, climate)
    tell("writing files")
    breaks = breaks_table(noting, mains, process.leaks)
    with _all_or_none(directory) as folder:
        _write_csv(folder / _DELIVERIES["pipes"], pipes_table(noting, mains))
        _write_csv(folder / _DELIVERIES["breaks"], breaks)
        _write_csv(folder / _DELIVERIES["climate"], climate_table(climate))
        _write_json(folder / _DELIVERIES["soils"], soils_geojson(soils))
        _write_json(folder / _DELIVERIES["areas"], areas_geojson(mains.covered, cells))
        _write_true_hazard(folder / _TRUE_HAZARD, process.years, process.expected)
        (folder / _MAPPING).write_text(_mapping_text(), encoding="utf-8")
        (folder / _DELIVERY).write_text(_delivery_text(), encoding="utf-8")
    logger.info("Wrote %d pipes and %d breaks to %s.", pipes, breaks.num_rows, directory)
    return SampleFiles(
        directory=directory,
        **{name: directory / file for name, file in _DELIVERIES.items()},
        true_hazard=directory / _TRUE_HAZARD,
        delivery=directory / _DELIVERY,
        pipe_count=pipes,
        break_count=breaks.num_rows,
        main_break_count=len(process.leaks.day),
        soil_count=len(soils.soil_id),
        area_count=len(mains.covered),
    )


def _teller(progress: Callable[[str], None] | None) -> Callable[[str], None]:
    """Log each step, and pass it on."""

    def tell(step: str) -> None:
        logger.debug("Sample: %s.", step)
        if progress is not None:
            progress(step)

    return tell


def _delivery_text() -> str:
    """List of files to load, in order."""
    rows = [
        f"  - {{source: {source}, file: {file}"
        + (f", mapping: {_MAPPING}}}" if source == "breaks" else "}")
        for source, file in _DELIVERIES.items()
    ]
    return "\n".join(["deliveries:", *rows, ""])


def _mapping_text() -> str:
    """Say over which period breaks were recorded; the headers are the contract's own."""
    period = f"{{from: {FIRST_RECORD_YEAR}-01-01, until: {LAST_RECORD_YEAR}-12-31}}"
    return f"breaks:\n  record: {period}\n"


@contextmanager
def _all_or_none(directory: Path) -> Iterator[Path]:
    """Yield an empty folder beside `directory` whose files move there when all went well."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    folder = directory.parent / f".{directory.name or 'sample'}.{os.getpid()}.partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
        if not directory.exists():
            folder.replace(directory)
            return
        # The list of files is deleted first and written last, so that a sample with a list is
        # complete.
        (directory / _DELIVERY).unlink(missing_ok=True)
        for file in sorted(folder.iterdir(), key=lambda path: path.name == _DELIVERY):
            file.replace(directory / file.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_csv(path: Path, table: pa.Table) -> None:
    """Comma-separated values with a header; empty means unknown."""
    pa_csv.write_csv(table, path, pa_csv.WriteOptions(quoting_style="needed"))


def _write_json(path: Path, content: dict[str, Any]) -> None:
    """One line of JSON."""
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def _write_true_hazard(
    path: Path, years: list[int], expected: list[npt.NDArray[np.float64]]
) -> None:
    """One row per main and year in service, one row group a year."""
    ids = pa.array(main_ids(len(expected[0])))
    with pq.ParquetWriter(path, _TRUE_HAZARD_SCHEMA, compression="zstd") as writer:
        for year, hazard in zip(years, expected, strict=True):
            there = pa.array(hazard > 0)
            kept = pc.filter(ids, there)
            table = pa.table(
                [kept, pa.array(np.full(len(kept), year, dtype=np.int32)), hazard[hazard > 0]],
                schema=_TRUE_HAZARD_SCHEMA,
            )
            writer.write_table(table, row_group_size=table.num_rows)
