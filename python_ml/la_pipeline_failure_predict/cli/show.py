"""Commands that show results: report, compare."""

import re
from pathlib import Path

import click

from la_pipeline_failure_predict.cli.common import common, fail
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import write_whole
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import open_warehouse
from la_pipeline_failure_predict.warehouse.open import read_connection


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


def _percentage(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | None:
    if value is None:
        return None
    if not re.fullmatch(r"\d+(\.\d+)?\s*%?", value.strip()):
        raise click.BadParameter(f"{value!r} is not a percentage, such as 20%")
    return float(value.strip().rstrip("%")) / 100


@click.command()
@click.argument("base", required=False, type=click.Path(path_type=Path))
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what this build holds to a file, to compare another build with it.",
)
@click.option(
    "--to",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the comparison to a file; it is printed by default.",
)
@click.option(
    "--fail-on-rows",
    "limit",
    metavar="PERCENT",
    callback=_percentage,
    help="End 1 when the rows of a mart change by more, such as 20%.",
)
@common
def compare(
    settings: Settings,
    base: Path | None,
    save: Path | None,
    file: Path | None,
    limit: float | None,
) -> None:
    """Say in Markdown what the target holds that the build BASE does not.

    BASE is a DuckDB file, or what --save wrote of a build on any engine.

    \b
    Example: la-pipes compare --save before.json
             la-pipes compare before.json --to reports/comparison.md --fail-on-rows 20%
    """
    from la_pipeline_failure_predict.report.build_comparison import describe_comparison, growths
    from la_pipeline_failure_predict.report.build_snapshot import (
        read_base,
        read_build,
        write_snapshot,
    )

    if base is None and (save is None or file or limit is not None):
        raise UserError(
            "There is nothing to compare with: name another build (a DuckDB file, or one written "
            "with --save), or keep this one with --save FILE."
        )
    before = read_base(base) if base else None  # before --save, which may write to the same file
    with open_warehouse(settings) as warehouse:
        build = read_build(warehouse, f"target {read_connection(settings).target}")
    if save:
        write_whole(save, write_snapshot(build))
        click.echo(f"Wrote {save}.", err=True)
    if before is None:
        return
    text = describe_comparison(before, build)
    if file:
        write_whole(file, text)
        click.echo(f"Wrote {file}.")
    else:
        click.echo(text, nl=False)
    grown = [growth for growth in growths(before, build) if abs(growth.share) > (limit or 0)]
    if limit is not None and grown:
        listed = ", ".join(f"{g.mart} {g.before:,} -> {g.after:,}" for g in grown)
        fail(f"rows changed by more than {100 * limit:g} %: {listed}.", 1)
