"""Commands that show results: report."""

from pathlib import Path

import click

from la_pipeline_failure_predict.cli.common import common
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import open_warehouse


@click.command()
@click.option(
    "--to",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("reports/result.png"),
    show_default=True,
    help="Picture to write.",
)
@common
def report(settings: Settings, file: Path) -> None:
    """Draw the mains by risk class and the share of breaks that ranking by it catches.

    \b
    Example: la-pipes report --to reports/result.png
    """
    from la_pipeline_failure_predict.report.figure import draw_result

    with open_warehouse(settings) as warehouse:
        click.echo(f"Wrote {draw_result(warehouse, file)}.")
