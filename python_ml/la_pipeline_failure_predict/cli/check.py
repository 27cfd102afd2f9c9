"""The command that checks what the warehouse holds: check."""

import sys
from pathlib import Path

import click

from la_pipeline_failure_predict.cli.common import common
from la_pipeline_failure_predict.cli.screen import Screen, echo
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import one_writer

FORMATS = ("text", "github")


@click.command()
@click.option(
    "--tables",
    multiple=True,
    help="Table to check, such as raw.pipes or 'powerbi.*'; may be repeated. All by default.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="github adds annotations for a workflow run.",
)
@click.option(
    "--junit",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write a JUnit report to.",
)
@click.option(
    "--docs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports/data_docs"),
    show_default=True,
    help="Folder of the Data Docs, which need no network.",
)
@common
def check(
    settings: Settings, tables: tuple[str, ...], style: str, junit: Path | None, docs: Path
) -> None:
    """Check the landing tables, the model tables and the Power BI views against their contracts.

    Ends with 1 if a rule of severity error is broken, and with 0 if there are only warnings.

    \b
    Example: la-pipes check
             la-pipes check --tables raw.pipes --format github --junit check.xml
    """
    from la_pipeline_failure_predict.quality.check import check_warehouse
    from la_pipeline_failure_predict.quality.data_docs import check_folder, write_data_docs
    from la_pipeline_failure_predict.quality.history import record
    from la_pipeline_failure_predict.quality.summary import github_lines, text_lines, write_junit

    screen = Screen.current()
    check_folder(docs.absolute())
    with one_writer(settings):  # nothing may change during the check
        findings = check_warehouse(settings, tables, screen.advance)
        record(settings, findings)
    index = write_data_docs(findings, docs.absolute())
    for line in text_lines(findings):
        screen.say(line)
    if style == "github":
        for line in github_lines(findings):
            echo(line, sys.stdout)  # a command to the workflow, not to be broken
    if junit:
        write_junit(findings, junit)
        screen.say(f"JUnit report: {junit}")
    screen.say(f"Data Docs: {index}")
    if findings.failed:
        raise SystemExit(1)
