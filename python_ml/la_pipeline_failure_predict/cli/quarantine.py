"""`la-pipes quarantine`: rows set aside at load, for the person who fixes them."""

from collections.abc import Sequence
from pathlib import Path

import click

from la_pipeline_failure_predict.cli.common import common
from la_pipeline_failure_predict.cli.lazy import Group
from la_pipeline_failure_predict.cli.screen import Column, Screen
from la_pipeline_failure_predict.project import open_for_writing
from la_pipeline_failure_predict.quarantine import FaultCount, count_faults, export, retry
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import one_writer


@click.group(cls=Group)
def quarantine() -> None:
    """See, export and fix the rows that were set aside at load."""


@quarantine.command("list")
@click.option("--all", "everything", is_flag=True, help="Also list rows that have been fixed.")
@common
def list_(settings: Settings, everything: bool) -> None:
    """List what was set aside and why, with counts.

    \b
    Example: la-pipes quarantine list
    """
    with open_for_writing(settings) as warehouse:
        faults = count_faults(warehouse, everything)
    screen = Screen.current()
    if not faults:
        screen.say("Nothing is set aside.")
        return
    screen.table(
        [
            Column("rows", is_number=True),
            Column("load", is_whole=True),
            Column("file"),
            Column("what is wrong"),
        ],
        [
            (f"{fault.rows:,}", fault.load_id, fault.source_file, fault.reason + _example(fault))
            for fault in faults
        ],
    )
    screen.say("To fix them: la-pipes quarantine export, then la-pipes quarantine retry FILE.")


def _example(fault: FaultCount) -> str:
    return f" (for example {fault.example[:40]!r})" if fault.example else ""


@quarantine.command("export")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports/quarantine"),
    show_default=True,
    help="Folder to write to.",
)
@click.option("--load-id", "load_ids", multiple=True, help="Only these loads; all by default.")
@common
def export_(settings: Settings, folder: Path, load_ids: Sequence[str]) -> None:
    """Write the rows that are set aside to CSV, one file per load, to fix and retry.

    Fix the delivery's columns; do not change the first five columns.

    \b
    Example: la-pipes quarantine export --to reports/quarantine
    """
    with open_for_writing(settings) as warehouse:
        files = export(warehouse, folder, load_ids)
    screen = Screen.current()
    for file in files:
        screen.say(f"Wrote {file}.")
    if not files:
        screen.say("Nothing is set aside.")


@quarantine.command("retry")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@common
def retry_(settings: Settings, files: Sequence[Path]) -> None:
    """Load the fixed rows of exported FILES; rows that are still wrong stay set aside.

    \b
    Example: la-pipes quarantine retry reports/quarantine/pipes-0123abcd.csv
    """
    screen = Screen.current()
    with one_writer(settings), open_for_writing(settings) as warehouse:
        for file in files:
            screen.say(retry(warehouse, file).summary)
    screen.say("Run la-pipes run to bring the marts up to date.")
