"""Commands that show results: report, notebooks, compare."""

import re
import sys
from pathlib import Path

import click

from la_pipeline_failure_predict.cli.common import GRAIN_NAMES, common, fail, needs_portal
from la_pipeline_failure_predict.cli.screen import Screen, echo
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import write_whole
from la_pipeline_failure_predict.model.data import GrainName
from la_pipeline_failure_predict.project import open_warehouse
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.open import read_connection


@click.command()
@click.option("--card", is_flag=True, help="Write the model card of a run in Markdown instead.")
@click.option("--map", "is_map", is_flag=True, help="Write one HTML file with a map instead.")
@click.option("--run-id", help="Run to write the card of; the published run by default.")
@click.option(
    "--grain",
    type=click.Choice(GRAIN_NAMES),
    default="pipe",
    show_default=True,
    help="Grain of the card.",
)
@click.option(
    "--to",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: a picture (.png, .svg), the page (.html) or the card. By default both "
    "reports/result.png and reports/index.html, or reports/model_card.md, or reports/map.html.",
)
@common
def report(
    settings: Settings,
    card: bool,
    is_map: bool,
    run_id: str | None,
    grain: GrainName,
    file: Path | None,
) -> None:
    """Draw the mains by risk class and what this ranking catches, and a page of charts.

    The page opens in a browser without a network; each of its charts is a picture beside it. With
    --card, write what a model run learned from, how it was judged, its strongest terms, and what
    it must not be used for. With --map, write a map of all mains and areas that opens without a
    network, too: to send by mail.

    \b
    Example: la-pipes report
             la-pipes report --map --to reports/map.html
             la-pipes report --to reports/result.png
             la-pipes report --card --to reports/model_card.md
    """
    from la_pipeline_failure_predict.model.grains import GRAINS
    from la_pipeline_failure_predict.report.model_card import model_card

    screen = Screen.current()
    with open_warehouse(settings) as warehouse:
        if is_map:
            _write_map(warehouse, file or Path("reports/map.html"), screen)
            return
        if not card:
            _draw(warehouse, file, screen)
            return
        name, text = model_card(warehouse, GRAINS[grain], run_id)
    target = file or Path("reports/model_card.md")
    write_whole(target, text)
    screen.say(f"Wrote {target}, the card of {name}.")


def _write_map(warehouse: Warehouse, file: Path, screen: Screen) -> None:
    with needs_portal():
        from la_pipeline_failure_predict.portal.map_file import write_map_file
    written = write_map_file(warehouse, file, screen.advance)
    screen.say(f"Wrote {file}: {written.mains:,} mains, {written.size / 1e6:.1f} MB.")


def _draw(warehouse: Warehouse, file: Path | None, screen: Screen) -> None:
    """Write the page, the picture, or both."""
    from la_pipeline_failure_predict.report.figure import draw_result, has_scored_mains
    from la_pipeline_failure_predict.report.page import write_page

    wants_page = file is None or file.suffix.lower() == ".html"
    if wants_page:
        page = write_page(warehouse, file or Path("reports/index.html"), screen.advance)
        screen.say(f"Wrote {page.file} and {len(page.pictures)} pictures beside it.")
    if file is None and not has_scored_mains(warehouse):
        screen.say("No picture of mains: none is scored. The page shows what the record holds.")
    elif file is None or not wants_page:
        picture = draw_result(warehouse, file or Path("reports/result.png"))
        screen.say(f"Wrote {picture.file}.")
        for note in picture.notes:
            screen.say(note)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports/notebooks"),
    show_default=True,
    help="Folder of the notebooks with their outputs.",
)
@common
def notebooks(settings: Settings, names: tuple[str, ...], folder: Path) -> None:
    """Run the notebooks of docs/03_notebooks (or only those named) on your warehouse.

    \b
    Example: la-pipes notebooks
             la-pipes notebooks 06_risk_scoring --to reports/mine
    """
    from la_pipeline_failure_predict.report.run_notebooks import (
        NotebookFailed,
        find_notebooks,
        run_notebooks,
    )

    screen, stopped = Screen.current(), []

    def stop(name: str, sentence: str) -> None:
        stopped.append(name)
        screen.say(f"{name}: {sentence}")

    files = find_notebooks(settings.root, names)
    # Before the kernel starts, so that a warehouse that cannot be opened is reported once.
    open_warehouse(settings).close()
    try:
        written = run_notebooks(files, folder, settings, progress=screen.advance, stopped=stop)
    except NotebookFailed as error:
        fail(f"A notebook did not finish: {error}. The log has the full output.", 1)
    screen.say(f"Wrote {len(written)} of {len(files)} notebooks to {folder}.")
    if stopped:
        fail(f"Nothing to show in {', '.join(stopped)}; no file was written for it.", 2)


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
    help="Write a summary of this build to a file, to compare another build with it.",
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
    help="End with 1 if the rows of a mart change by more than this, such as 20%.",
)
@common
def compare(
    settings: Settings,
    base: Path | None,
    save: Path | None,
    file: Path | None,
    limit: float | None,
) -> None:
    """Say in Markdown how the target differs from the build BASE.

    BASE is a DuckDB file, or a file that --save wrote for a build on any engine.

    \b
    Example: la-pipes compare --save before.json
             la-pipes compare before.json --to changes.md --fail-on-rows 20%
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
            "with --save), or save this one with --save FILE."
        )
    screen = Screen.current()
    before = read_base(base) if base else None  # before --save, which may write to the same file
    with open_warehouse(settings) as warehouse:
        build = read_build(warehouse, f"target {read_connection(settings).target}")
    if save:
        write_whole(save, write_snapshot(build))
        screen.notice(f"Wrote {save}.")
    if before is None:
        return
    text = describe_comparison(before, build)
    if file:
        write_whole(file, text)
        screen.say(f"Wrote {file}.")
    else:
        echo(text, sys.stdout, nl=False)
    grown = [growth for growth in growths(before, build) if abs(growth.share) > (limit or 0)]
    if limit is not None and grown:
        listed = ", ".join(f"{g.mart} {g.before:,} -> {g.after:,}" for g in grown)
        fail(f"rows changed by more than {100 * limit:g} %: {listed}.", 1)
