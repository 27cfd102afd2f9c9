"""Commands that bring data in: sample, load, link."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import get_args

import click

from la_pipeline_failure_predict.cli.common import (
    SEED,
    as_day,
    common,
    configured_limit,
    max_rejects_option,
)
from la_pipeline_failure_predict.cli.screen import Screen
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.load import load_files
from la_pipeline_failure_predict.project import open_for_writing
from la_pipeline_failure_predict.rejects import RejectLimit
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.providers import SOURCES
from la_pipeline_failure_predict.vintages import Extent, Vintage
from la_pipeline_failure_predict.warehouse import one_writer


@click.command()
@click.option("--pipes", default=20_000, show_default=True, help="Number of mains.")
@click.option(
    "--seed",
    type=SEED,
    default=1,
    show_default=True,
    help="A different seed gives a different network.",
)
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/sample"),
    show_default=True,
    help="Folder to write to.",
)
@common
def sample(settings: Settings, pipes: int, seed: int, folder: Path) -> None:
    """Write a synthetic Los-Angeles-like network whose true hazard is known.

    \b
    Example: la-pipes sample --pipes 20000 --seed 1 --to data/sample
    """
    write_sample_files(folder, pipes, seed)


def write_sample_files(folder: Path, pipes: int, seed: int) -> Path:
    """Write a sample network; returns its delivery file."""
    from la_pipeline_failure_predict.sample import write_sample

    screen = Screen.current()
    try:
        files = write_sample(folder, pipes=pipes, seed=seed, progress=screen.text)
    except ValueError as error:
        raise UserError(str(error)) from error
    screen.say(f"Wrote {pipes:,} mains and {files.break_count:,} breaks to {folder}.")
    return folder / "delivery.yml"


@click.command(epilog=f"Sources: {', '.join(SOURCES)}.")
@click.argument("source")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--mapping",
    type=click.Path(path_type=Path),
    help="File that says which of your columns is which.",
)
@click.option(
    "--extent",
    type=click.Choice(get_args(Extent)),
    help="Whether what an earlier delivery has and this one lacks is gone; "
    "full by default for pipes, partial for breaks.",
)
@click.option("--part", help="Part of the network that it is full of, such as transmission.")
@click.option(
    "--delivered-on",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=as_day,
    help="Day whose state it shows; the day of loading by default.",
)
@max_rejects_option
@common
def load(
    settings: Settings,
    source: str,
    files: Sequence[Path],
    mapping: Path | None,
    max_rejects: RejectLimit | None,
    extent: Extent | None,
    part: str | None,
    delivered_on: date | None,
) -> None:
    """Load FILES of one SOURCE; a file that was loaded before is skipped.

    Rows that break a hard rule of the contract are set aside (see la-pipes quarantine).

    \b
    Example: la-pipes load pipes water_mains.csv --mapping my_city.yml
    """
    with one_writer(settings), open_for_writing(settings) as warehouse:
        limit = max_rejects or configured_limit(settings)
        vintage = Vintage(extent, part, delivered_on)
        for loaded in load_files(warehouse, source, files, mapping, limit, vintage):
            Screen.current().say(loaded.summary)


@click.command()
@common
def link(settings: Settings) -> None:
    """Find the area and soil of each main and break, and the main of breaks that name none.

    \b
    Example: la-pipes link
    """
    from la_pipeline_failure_predict.pipeline import Pipeline

    with one_writer(settings):
        Pipeline(settings, Screen.current()).link()
