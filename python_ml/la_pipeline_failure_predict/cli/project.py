"""Commands that look after the project: init, doctor."""

import click

from la_pipeline_failure_predict.cli.common import common
from la_pipeline_failure_predict.contracts.catalog import read_tables
from la_pipeline_failure_predict.doctor import examine
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import one_writer, open_warehouse


@click.command()
@common
def init(settings: Settings) -> None:
    """Create the landing, model and score tables that are missing.

    \b
    Example: la-pipes init --target postgres
    """
    with one_writer(settings), open_warehouse(settings) as warehouse:
        tables = read_tables(settings.root)
        warehouse.create_tables(tables.values())
        click.echo(f"{warehouse.label}: {len(tables)} landing, model and score tables are there.")


@click.command()
@common
def doctor(settings: Settings) -> None:
    """Say what is missing and how to fix it; ends 1 when something is.

    \b
    Example: la-pipes doctor --target postgres
    """
    missing = 0
    for finding in examine(settings):
        missing += not finding.is_fine
        mark = "ok     " if finding.is_fine else "missing"
        click.echo(f"{mark} {finding.what}" + ("" if finding.is_fine else f": {finding.fix}"))
    if missing:
        raise SystemExit(1)
