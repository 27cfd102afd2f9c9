"""What every command shares: the screen, the options, and errors as sentences."""

import logging
import shutil
import sys
from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, get_args

import click

from la_pipeline_failure_predict.dbt_runner import DbtFailed
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.data import GrainName
from la_pipeline_failure_predict.rejects import RejectLimit
from la_pipeline_failure_predict.runlog import show_notices, start_logging
from la_pipeline_failure_predict.settings import Settings, read_settings
from la_pipeline_failure_predict.warehouse.faults import explain_error
from la_pipeline_failure_predict.warehouse.locks import COMMAND

log = logging.getLogger(__name__)

GRAIN_NAMES: tuple[GrainName, ...] = get_args(GrainName)


class Screen:
    """Reports steps as lines, and progress within a step on one line that is overwritten."""

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
    @click.option("--verbose", is_flag=True, help="Also show the log on the screen.")
    @wraps(command)
    def wrapped(
        target: str | None, project_dir: Path | None, verbose: bool, **arguments: Any
    ) -> None:
        log_file = None
        try:
            settings = read_settings(target=target, project_dir=project_dir)
            log_file = start_logging(settings.root / settings.log_dir, verbose)
            show_notices(lambda message: click.echo(message, err=True))
            words = click.get_current_context().command_path.split()
            COMMAND.set(" ".join(["la-pipes", *words[1:]]))
            command(settings, **arguments)
        except UserError as error:
            fail(str(error), 2)
        except DbtFailed as error:
            fail(f"{error}\nThe full output is in {log_file}.", 1)
        except Exception as error:
            log.exception("unexpected")
            if sentence := explain_error(error):
                fail(sentence, 2)
            fail(
                f"An unexpected error occurred ({type(error).__name__}); {log_file} has "
                "the details. The last good state is kept: run the command again, and report the "
                "log if it happens again.",
                1,
            )

    return wrapped


def fail(message: str, code: int) -> NoReturn:
    """Print an error and end with an exit code."""
    click.echo(f"Error: {message}", err=True)
    raise SystemExit(code)


def _day(context: click.Context, parameter: click.Parameter, value: datetime | None) -> date | None:
    return value.date() if value else None


def _limit(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> RejectLimit | None:
    try:
        return None if value is None else RejectLimit.parse(value)
    except UserError as error:
        return fail(str(error), 2)


def configured_limit(settings: Settings) -> RejectLimit | None:
    """Return the limit that the settings name, None where they name none."""
    return RejectLimit.parse(settings.max_rejects) if settings.max_rejects else None


max_rejects_option = click.option(
    "--max-rejects",
    callback=_limit,
    help="Refuse a file with more bad rows than this: 1% or 250. [env: LA_PIPES_MAX_REJECTS]",
)
as_of_option = click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=_day,
    help="Day from which to predict; the newest by default.",
)
grain_option = click.option(
    "--grain", type=click.Choice(GRAIN_NAMES), help="One grain only; both by default."
)
