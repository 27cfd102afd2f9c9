"""`la-pipes`: the command line. The only module that talks to the screen."""

import logging
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from la_pipeline_failure_predict import __version__
from la_pipeline_failure_predict.contracts.catalog import read_tables
from la_pipeline_failure_predict.contracts.dbt_sources import sync_sources
from la_pipeline_failure_predict.dbt_runner import DbtFailed, run_dbt
from la_pipeline_failure_predict.deliveries import DeliveredFile, read_deliveries
from la_pipeline_failure_predict.doctor import examine
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.load import load_files
from la_pipeline_failure_predict.model.data import Grain
from la_pipeline_failure_predict.runlog import start_logging
from la_pipeline_failure_predict.settings import Settings, read_settings
from la_pipeline_failure_predict.sources.catalog import SOURCES
from la_pipeline_failure_predict.warehouse import open_warehouse
from la_pipeline_failure_predict.warehouse.open import has_profile

log = logging.getLogger(__name__)

GRAINS: tuple[Grain, ...] = ("pipe", "area_month")


class Screen:
    """Reports steps as lines, and progress within a step on one line that is written over."""

    def __init__(self) -> None:
        self._width = 0

    def say(self, message: str) -> None:
        """Print one line."""
        self._clear()
        click.echo(message)

    def advance(self, done: int, total: int, what: str) -> None:
        """Show progress, on a terminal only."""
        if not sys.stdout.isatty():
            return
        count = f"{done}/{total} " if total else ""
        text = f"  {count}{what}"[: shutil.get_terminal_size().columns - 1]
        self._clear()
        click.echo(text, nl=False)
        self._width = len(text)

    def text(self, message: str) -> None:
        """Show progress that has no count."""
        self.advance(0, 0, message)

    def _clear(self) -> None:
        if self._width:
            click.echo("\r" + " " * self._width + "\r", nl=False)
            self._width = 0


def common(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --target, --project-dir and --verbose, and turn errors into sentences."""

    @click.option("--target", help="dbt target, such as dev or postgres. [env: LA_PIPES_TARGET]")
    @click.option(
        "--project-dir",
        type=click.Path(path_type=Path),
        help="Folder of dbt_project.yml. [env: LA_PIPES_PROJECT_DIR]",
    )
    @click.option("--verbose", is_flag=True, help="Show the log on the screen too.")
    @wraps(command)
    def wrapped(
        target: str | None, project_dir: Path | None, verbose: bool, **arguments: Any
    ) -> None:
        log_file = None
        try:
            settings = read_settings(target=target, project_dir=project_dir)
            log_file = start_logging(settings.root / settings.log_dir, verbose)
            command(settings, **arguments)
        except UserError as error:
            _fail(str(error), 2)
        except DbtFailed as error:
            _fail(f"{error}\nAll of it is in {log_file}.", 1)
        except Exception as error:
            log.exception("unexpected")
            _fail(
                f"Something went wrong that should not ({type(error).__name__}); {log_file} has "
                "the details. The last good state is kept: run the command again, and report the "
                "log if it happens again.",
                1,
            )

    return wrapped


def _fail(message: str, code: int) -> None:
    click.echo(f"Error: {message}", err=True)
    raise SystemExit(code)


def _day(context: click.Context, parameter: click.Parameter, value: datetime | None) -> date | None:
    return value.date() if value else None


as_of_option = click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=_day,
    help="Day to look ahead from; the newest by default.",
)
grain_option = click.option(
    "--grain", type=click.Choice(GRAINS), help="One grain only; both by default."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def main() -> None:
    """Predict water-main breaks and say which mains to renew first.

    \b
    Start here:        la-pipes demo
    Your own city:     la-pipes load pipes mains.csv --mapping my_city.yml
    What is missing:   la-pipes doctor
    """


@main.command()
@common
def init(settings: Settings) -> None:
    """Write profiles.yml if there is none, and create the landing tables.

    \b
    Example: la-pipes init --target postgres
    """
    _write_profile(settings)
    with open_warehouse(settings) as warehouse:
        tables = read_tables(settings.root)
        warehouse.create_tables(tables.values())
        click.echo(f"{warehouse.label}: {len(tables)} landing, model and score tables are there.")


def _write_profile(settings: Settings) -> None:
    if has_profile(settings.root):
        return
    place = Path(os.environ.get("DBT_PROFILES_DIR") or settings.root) / "profiles.yml"
    if place.exists():
        raise UserError(
            f"{place} has no profile la_pipes: add the one in profiles.yml.example to it."
        )
    shutil.copyfile(settings.root / "profiles.yml.example", place)
    click.echo(f"Wrote {place.name} from profiles.yml.example.")


@main.command()
@click.option("--pipes", default=20_000, show_default=True, help="Number of mains.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another network.")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/sample"),
    show_default=True,
    help="Folder to write to.",
)
@common
def sample(settings: Settings, pipes: int, seed: int, folder: Path) -> None:
    """Write a synthetic Los-Angeles-like network whose true hazard is known.

    \b
    Example: la-pipes sample --pipes 20000 --seed 1 --to data/sample
    """
    _write_sample(folder, pipes, seed)


def _write_sample(folder: Path, pipes: int, seed: int) -> Path:
    from la_pipeline_failure_predict.sample import write_sample

    screen = Screen()
    try:
        files = write_sample(folder, pipes=pipes, seed=seed, progress=screen.text)
    except ValueError as error:
        raise UserError(str(error)) from error
    screen.say(f"Wrote {pipes:,} mains and {files.break_count:,} breaks to {folder}.")
    return folder / "delivery.yml"


@main.command(epilog=f"Sources: {', '.join(SOURCES)}.")
@click.argument("source")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--mapping", type=click.Path(path_type=Path), help="How the columns become ours.")
@common
def load(settings: Settings, source: str, files: Sequence[Path], mapping: Path | None) -> None:
    """Load FILES of one SOURCE; a file that was loaded before is skipped.

    \b
    Example: la-pipes load pipes water_mains.csv --mapping schemas/mappings/kitchener.yml
    """
    with open_warehouse(settings) as warehouse:
        tables = read_tables(settings.root)
        for loaded in load_files(warehouse, tables, source, files, mapping):
            click.echo(loaded.summary)


@main.command()
@common
def link(settings: Settings) -> None:
    """Find the area and soil of each main and break, and the main of breaks without one.

    \b
    Example: la-pipes link
    """
    from la_pipeline_failure_predict.pipeline import Pipeline

    Pipeline(settings, Screen()).link()


@main.command()
@click.option("--select", help="dbt selection, such as marts.core or +exposure:powerbi_overview.")
@common
def build(settings: Settings, select: str | None) -> None:
    """Build and test the marts: the same as `dbt build`.

    \b
    Example: la-pipes build --select marts.features
    """
    screen = Screen()
    with open_warehouse(settings):
        pass  # says what is wrong with the connection in our words, before dbt does in its own
    arguments = ["build", *(["--select", select] if select else [])]
    result = run_dbt(settings, arguments, screen.advance)
    screen.say(f"dbt build: {result.passed} passed, {result.warned} warnings")
    for line in result.trouble:
        screen.say(f"  {line}")


@main.command()
@grain_option
@as_of_option
@click.option("--seed", default=1, show_default=True, help="Seed of everything drawn at random.")
@common
def train(settings: Settings, grain: Grain | None, as_of: date | None, seed: int) -> None:
    """Train the break models on the features and evaluate them on the last year held out.

    \b
    Example: la-pipes train --grain pipe --as-of 2021-01-01
    """
    from la_pipeline_failure_predict.pipeline import Pipeline

    Pipeline(settings, Screen()).train([grain] if grain else GRAINS, as_of, seed)


@main.command()
@grain_option
@as_of_option
@click.option(
    "--run-id", help="Run to score with; the one that learned from the newest labels by default."
)
@common
def score(settings: Settings, grain: Grain | None, as_of: date | None, run_id: str | None) -> None:
    """Write expected breaks of every main (or area and month) to the score tables.

    \b
    Example: la-pipes score --grain pipe --as-of 2022-01-01
    """
    from la_pipeline_failure_predict.pipeline import Pipeline

    Pipeline(settings, Screen()).score([grain] if grain else GRAINS, as_of, run_id)


@main.command()
@click.option(
    "--delivery",
    type=click.Path(path_type=Path),
    help="File that lists what to load; without it, what is loaded already is used.",
)
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the files it names.")
@click.option("--force", is_flag=True, help="Link, build, score and publish again.")
@common
def run(settings: Settings, delivery: Path | None, data_dir: Path | None, force: bool) -> None:
    """Do all of it, from files to Power BI views, skipping what is up to date.

    \b
    Example: la-pipes run --delivery schemas/deliveries/kitchener.yml --data-dir ~/kitchener
    """
    files = read_deliveries(delivery, data_dir) if delivery else []
    _write_profile(settings)
    _run(settings, files, force)


def _run(settings: Settings, files: Sequence[DeliveredFile], force: bool = False) -> None:
    from la_pipeline_failure_predict.pipeline import Pipeline

    screen = Screen()
    pipeline = Pipeline(settings, screen)
    pipeline.run(files, force)
    steps = ", ".join(f"{step.step} {step.seconds:.1f} s" for step in pipeline.times)
    screen.say(f"Done: {steps}.")
    _show_top_mains(settings)


def _show_top_mains(settings: Settings) -> None:
    from la_pipeline_failure_predict.report.top_mains import LEAST_LENGTH_M, read_top_mains

    with open_warehouse(settings) as warehouse:
        mains = read_top_mains(warehouse)
    if not mains:
        return
    click.echo(
        f"\nThe ten mains to look at first, of {LEAST_LENGTH_M:.0f} m or more "
        f"(rank and expected breaks in the 12 months from {mains[0].as_of_date}):\n"
    )
    width = max(len(main.place) for main in mains)
    click.echo(f"{'rank':>4} {'main':<12} {'place':<{width}} {'breaks':>6}  why")
    for main in mains:
        click.echo(
            f"{main.rank:>4} {main.pipe_id:<12} {main.place:<{width}} "
            f"{main.expected_breaks:>6.2f}  {main.why}"
        )


@main.command()
@click.option("--pipes", default=20_000, show_default=True, help="Number of mains.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another network.")
@common
def demo(settings: Settings, pipes: int, seed: int) -> None:
    """Write a sample network and run every step on it.

    \b
    Example: la-pipes demo --pipes 20000
    """
    _write_profile(settings)
    folder = settings.root / "data" / f"sample-{pipes}-{seed}"
    delivery = folder / "delivery.yml"
    if not delivery.is_file():
        _write_sample(folder, pipes, seed)
    _run(settings, read_deliveries(delivery))
    click.echo(
        "\nWhere to go next: the views in the schema powerbi; `la-pipes report` for a picture;\n"
        "`dbt docs generate && dbt docs serve` for every column; the README's part \"Your own "
        'city"\nto load your own mains and breaks.'
    )


@main.command()
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


@main.command()
@common
def doctor(settings: Settings) -> None:
    """Say what is missing and how to mend it; ends 1 when something is.

    \b
    Example: la-pipes doctor --target postgres
    """
    missing = 0
    for finding in examine(settings):
        missing += not finding.is_fine
        mark = "ok     " if finding.is_fine else "missing"
        click.echo(f"{mark} {finding.what}" + ("" if finding.is_fine else f": {finding.mend}"))
    if missing:
        raise SystemExit(1)


@main.group()
def contracts() -> None:
    """Work with the contracts in schemas/."""


@contracts.command()
@click.option("--check", is_flag=True, help="Write nothing; end 1 where a file has drifted.")
@common
def sync(settings: Settings, check: bool) -> None:
    """Write what is generated from the contracts: the dbt source YAML.

    \b
    Example: la-pipes contracts sync --check
    """
    drifted = sync_sources(settings.root, check)
    for path in drifted:
        click.echo(f"{'drifted' if check else 'wrote'} {path}")
    if not drifted:
        click.echo("The generated files match the contracts.")
    elif check:
        _fail("run la-pipes contracts sync and commit what it writes.", 1)


if __name__ == "__main__":
    main()
