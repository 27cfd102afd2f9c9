"""Logging of a run: one file per run, without secrets."""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from la_pipeline_failure_predict.errors import UserError

SECRET_PREFIXES = (
    *("DBT_ENV_SECRET", "PGPASSWORD", "AZURE_CLIENT_SECRET"),
    *("LA_PIPES_SOCRATA_APP_TOKEN", "LA_PIPES_ARCGIS_TOKEN"),
)
KEPT_LOGS = 50

# Until the log is open, what is logged is not for the screen.
logging.getLogger("la_pipeline_failure_predict").addHandler(logging.NullHandler())
_notices = logging.getLogger("la_pipeline_failure_predict.notice")


def notice(message: str) -> None:
    """Tell the user something at once, from anywhere in the code; the command line shows it."""
    _notices.info(message)


def show_notices(show: Callable[[str], None]) -> None:
    """Show notices; they are also logged."""

    class Show(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            show(record.getMessage())

    _notices.handlers.clear()
    _notices.addHandler(Show())


class HideSecrets(logging.Formatter):
    """Replaces the values of secret environment variables, in tracebacks and addresses too."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record without them."""
        text = super().format(record)
        for name, value in os.environ.items():
            if value and name.startswith(SECRET_PREFIXES):
                for written in (value, quote(value, safe="")):
                    text = text.replace(written, "*****")
        return text


class LogFile(logging.FileHandler):
    """A log file; a full disk does not stop the work, nor fill the screen."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Pass over a line that cannot be written."""


def start_logging(folder: Path, verbose: bool) -> Path:
    """Log everything to a new file in the folder, and to the screen when verbose.

    Returns
    -------
    Path of the log file.

    Raises
    ------
    UserError
        If the folder cannot be written.
    """
    file = folder / f"la-pipes-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handlers: list[logging.Handler] = [LogFile(file, encoding="utf-8")]
    except OSError as error:
        raise UserError(
            f"Cannot write the log {file} ({error.strerror}): name a folder that you may write, "
            "with LA_PIPES_LOG_DIR."
        ) from error
    for old in sorted(folder.glob("la-pipes-*.log"))[:-KEPT_LOGS]:
        with suppress(OSError):  # another user's
            old.unlink(missing_ok=True)
    if verbose:
        handlers.append(logging.StreamHandler())
    layout = HideSecrets("%(asctime)s %(levelname)s %(name)s: %(message)s")
    package = logging.getLogger("la_pipeline_failure_predict")
    package.handlers.clear()
    for handler in handlers:
        handler.setFormatter(layout)
        package.addHandler(handler)
    package.setLevel(logging.DEBUG)
    package.propagate = False
    return file
