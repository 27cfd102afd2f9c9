"""Commands that look after the project: init, doctor."""

from collections.abc import Iterable

import click

from la_pipeline_failure_predict.cli.common import common
from la_pipeline_failure_predict.cli.screen import Screen
from la_pipeline_failure_predict.doctor import Diagnosis, examine
from la_pipeline_failure_predict.project import open_for_writing
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import one_writer


@click.command()
@common
def init(settings: Settings) -> None:
    """Create the landing, model and score tables that are missing.

    \b
    Example: la-pipes init --target postgres
    """
    with one_writer(settings), open_for_writing(settings) as warehouse:
        count = len(warehouse.declared)
        Screen.current().say(f"{warehouse.label}: {count} landing, model and score tables exist.")


@click.command()
@common
def doctor(settings: Settings) -> None:
    """Say what is missing and how to fix it; ends with 1 if anything is.

    \b
    Example: la-pipes doctor --target postgres
    """
    tell(examine(settings))


def tell(diagnoses: Iterable[Diagnosis]) -> None:
    """Print what was looked at; ends with 1 if anything is missing."""
    screen, missing = Screen.current(), 0
    for finding in diagnoses:
        missing += not finding.is_fine
        mark = "ok     " if finding.is_fine else "missing"
        remedy = f": {finding.fix}" if finding.fix and not finding.is_fine else ""
        screen.say(f"{mark} {finding.what}{remedy}")
    if missing:
        raise SystemExit(1)
