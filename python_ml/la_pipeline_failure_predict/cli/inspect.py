"""`la-pipes inspect`: what is in a file, and a mapping to begin with."""

from pathlib import Path

import click

from la_pipeline_failure_predict.cli.common import common
from la_pipeline_failure_predict.cli.screen import Column, Screen
from la_pipeline_failure_predict.contracts.reader import read_tables
from la_pipeline_failure_predict.inspect_file import Inspected, add_section, inspect_file
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.layers import list_layers
from la_pipeline_failure_predict.sources.mapping import SourceMapping
from la_pipeline_failure_predict.sources.reading import VECTOR_SUFFIXES
from la_pipeline_failure_predict.warehouse import open_scratch


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", help="What it is to be loaded as, such as pipes; guessed by default.")
@click.option("--layer", help="Layer of a map file or sheet of a workbook, where it has several.")
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Mapping to write the guesses to; sections of other sources in it are kept.",
)
@common
def inspect(
    settings: Settings, file: Path, source: str | None, layer: str | None, to: Path | None
) -> None:
    """Show what is in FILE, guess which column is which, and write a mapping to begin with.

    \b
    Example: la-pipes inspect water_mains.csv --to my_city.yml
    """
    screen = Screen.current()
    is_map = file.suffix.lower() in VECTOR_SUFFIXES
    named = {} if layer is None else {"layer" if is_map else "sheet": layer}
    given = SourceMapping.model_validate(named)
    if is_map and layer is None and file.exists():
        for found in list_layers(file):
            screen.say(f"layer {found.describe(file)}")
    with open_scratch() as scratch:
        tables = read_tables(settings.root)
        inspected = inspect_file(scratch, settings.root, tables, file, source, given)
    _show_columns(screen, file, inspected)
    _show_guesses(screen, inspected)
    _show_result(screen, file, inspected, to)


def _show_columns(screen: Screen, file: Path, inspected: Inspected) -> None:
    screen.say(f"{file.name}: {inspected.rows:,} rows, {len(inspected.profiles)} columns\n")
    screen.table(
        [
            Column("column"),
            Column("kind"),
            Column("empty", is_number=True),
            Column("distinct", is_number=True),
            Column("examples"),
        ],
        [
            (
                " ".join(column.header.split()),
                column.kind,
                f"{column.rows - column.filled:,}",
                f"{column.distinct:,}",
                column.examples,
            )
            for column in inspected.profiles
        ],
    )


def _show_guesses(screen: Screen, inspected: Inspected) -> None:
    screen.say(f"\nAs {inspected.table.name}, it is probably:\n")
    screen.table(
        [Column("contract"), Column("column"), Column("because")],
        [
            (
                item.column,
                " ".join(item.header.split()),
                item.why + (f" (look: {item.doubt})" if item.doubt else ""),
            )
            for item in inspected.guesses
        ],
    )


def _show_result(screen: Screen, file: Path, inspected: Inspected, to: Path | None) -> None:
    table = inspected.table.name
    landed = inspected.landed
    if to is not None:
        add_section(to, table, inspected.section)
        screen.say(f"\nWrote {to}.")
    if landed is None:
        screen.say(f"\nIt does not load yet: {inspected.fault}")
        return
    rows = f"{landed.rows_accepted:,} of {landed.rows_in_file:,} rows"
    screen.say(f"\nWith this mapping, {rows} load.")
    for warning in landed.warnings:
        screen.say(f"  warning: {warning}")
    if to is None:
        screen.say(f"To begin with it: la-pipes inspect {file} --source {table} --to my_city.yml")
    else:
        screen.say(f"Look through it, then: la-pipes load {table} {file} --mapping {to}")
