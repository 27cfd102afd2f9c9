"""Commands that look after the project: init, doctor."""

import os
from pathlib import Path

import click

from la_pipeline_failure_predict.cli.common import common
from la_pipeline_failure_predict.contracts.catalog import read_tables
from la_pipeline_failure_predict.doctor import examine
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import write_whole
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import one_writer, open_warehouse
from la_pipeline_failure_predict.warehouse.open import has_profile


@click.command()
@common
def init(settings: Settings) -> None:
    """Write profiles.yml if there is none, and create the landing tables.

    \b
    Example: la-pipes init --target postgres
    """
    write_profile(settings)
    with one_writer(settings), open_warehouse(settings) as warehouse:
        tables = read_tables(settings.root)
        warehouse.create_tables(tables.values())
        click.echo(f"{warehouse.label}: {len(tables)} landing, model and score tables are there.")


def write_profile(settings: Settings) -> None:
    """Write profiles.yml from the example, unless dbt finds a profile already."""
    if has_profile(settings.root):
        return
    place = Path(os.environ.get("DBT_PROFILES_DIR") or settings.root) / "profiles.yml"
    if place.exists():
        raise UserError(
            f"{place} has no profile la_pipes: add the one in profiles.yml.example to it."
        )
    example = settings.root / "profiles.yml.example"
    write_whole(place, example.read_text(encoding="utf-8"))
    click.echo(f"Wrote {place.name} from profiles.yml.example.")


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
