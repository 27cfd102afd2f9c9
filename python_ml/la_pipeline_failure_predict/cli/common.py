"""What every command shares: the options, and errors as sentences."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, get_args

import click

from la_pipeline_failure_predict.cli.screen import Screen
from la_pipeline_failure_predict.dbt_runner import DbtFailed
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.data import GrainName
from la_pipeline_failure_predict.rejects import DEFAULT_LIMIT, RejectLimit
from la_pipeline_failure_predict.runlog import show_notices, start_logging
from la_pipeline_failure_predict.settings import Settings, give_home, read_settings
from la_pipeline_failure_predict.warehouse.faults import explain_error
from la_pipeline_failure_predict.warehouse.locks import COMMAND
from la_pipeline_failure_predict.warehouse.open import check_target

log = logging.getLogger(__name__)

GRAIN_NAMES: tuple[GrainName, ...] = get_args(GrainName)


@contextmanager
def needs_portal() -> Iterator[None]:
    """Say what to install where a package of the portal is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UserError(
            f"The portal needs {error.name}, which is not installed: pip install "
            '"la_pipeline_failure_predict[portal]".'
        ) from error


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
        log_file, screen = None, Screen.current()
        try:
            settings = read_settings(target=target, project_dir=project_dir)
            give_home(settings.root)
            log_file = start_logging(settings.root / settings.log_dir, verbose)
            show_notices(screen.notice)
            words = click.get_current_context().command_path.split()
            COMMAND.set(" ".join(["la-pipes", *words[1:]]))
            check_target(settings)
            command(settings, **arguments)
        except UserError as error:
            fail(str(error), 2)
        except DbtFailed as error:
            fail(f"{error}\nThe full output is in {log_file}.", 1)
        except BrokenPipeError:
            raise  # who reads it, such as head, has had enough: click ends quietly
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
        finally:
            screen.close()

    return wrapped


def fail(message: str, code: int) -> NoReturn:
    """Print an error and end with an exit code."""
    Screen.current().fail(message)
    raise SystemExit(code)


def as_day(
    context: click.Context, parameter: click.Parameter, value: datetime | None
) -> date | None:
    """Return the day of a moment that an option names."""
    return value.date() if value else None


def _limit(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> RejectLimit | None:
    try:
        return None if value is None else RejectLimit.parse(value)
    except UserError as error:
        return fail(str(error), 2)


def configured_limit(settings: Settings) -> RejectLimit:
    """Return the limit that the settings name, the default one where they name none."""
    return RejectLimit.parse(settings.max_rejects) if settings.max_rejects else DEFAULT_LIMIT


SEED = click.IntRange(0, 2**32 - 1)
"""What every generator of random numbers takes."""
max_rejects_option = click.option(
    "--max-rejects",
    callback=_limit,
    help="Refuse a file with more bad rows than this: 1% or 250; 10% by default. "
    "[env: LA_PIPES_MAX_REJECTS]",
)
as_of_option = click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=as_day,
    help="Day from which to predict; the newest by default.",
)
grain_option = click.option(
    "--grain", type=click.Choice(GRAIN_NAMES), help="One grain only; both by default."
)
