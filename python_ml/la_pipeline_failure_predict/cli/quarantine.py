"""`la-pipes quarantine`: rows set aside at load, for the person who fixes them."""

from collections.abc import Sequence
from pathlib import Path

import click

from la_pipeline_failure_predict.cli.common import common
from la_pipeline_failure_predict.project import open_for_writing
from la_pipeline_failure_predict.quarantine import count_faults, export, retry
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import one_writer


@click.group()
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
    if not faults:
        click.echo("Nothing is set aside.")
        return
    width = max(len(fault.source_file) for fault in faults)
    for fault in faults:
        example = f" (for example {fault.example[:40]!r})" if fault.example else ""
        click.echo(
            f"{fault.rows:>8,}  {fault.load_id}  {fault.source_file:<{width}}  "
            f"{fault.reason}{example}"
        )
    click.echo("To fix them: la-pipes quarantine export, then la-pipes quarantine retry FILE.")


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
    for file in files:
        click.echo(f"Wrote {file}.")
    if not files:
        click.echo("Nothing is set aside.")


@quarantine.command("retry")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@common
def retry_(settings: Settings, files: Sequence[Path]) -> None:
    """Load the fixed rows of exported FILES; rows that are still wrong stay set aside.

    \b
    Example: la-pipes quarantine retry reports/quarantine/pipes-0123456789abcdef.csv
    """
    with one_writer(settings), open_for_writing(settings) as warehouse:
        for file in files:
            click.echo(retry(warehouse, file).summary)
    click.echo("Run la-pipes run to bring the marts up to date.")
