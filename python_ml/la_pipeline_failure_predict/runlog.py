"""Logging of a run: a file each, and no secret in it."""

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

SECRET_PREFIXES = ("DBT_ENV_SECRET", "PGPASSWORD")
KEPT_LOGS = 50

_notices = logging.getLogger("la_pipeline_failure_predict.notice")


def notice(message: str) -> None:
    """Tell the user something at once, from wherever it is noticed; the command line shows it."""
    _notices.info(message)


def show_notices(show: Callable[[str], None]) -> None:
    """Have notices shown; they are logged as well."""

    class Show(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            show(record.getMessage())

    _notices.handlers.clear()
    _notices.addHandler(Show())


class HideSecrets(logging.Filter):
    """Replaces the values of secret environment variables in every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the message; always let it pass."""
        message = record.getMessage()
        for name, value in os.environ.items():
            if value and name.startswith(SECRET_PREFIXES):
                message = message.replace(value, "*****")
        record.msg, record.args = message, ()
        return True


def start_logging(folder: Path, verbose: bool) -> Path:
    """Log everything to a new file in the folder, and to the screen when verbose.

    Returns
    -------
    Path of the log file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob("la-pipes-*.log"))[:-KEPT_LOGS]:
        old.unlink(missing_ok=True)
    file = folder / f"la-pipes-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
    handlers: list[logging.Handler] = [logging.FileHandler(file, encoding="utf-8")]
    if verbose:
        handlers.append(logging.StreamHandler())
    layout = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    package = logging.getLogger("la_pipeline_failure_predict")
    package.handlers.clear()
    for handler in handlers:
        handler.setFormatter(layout)
        handler.addFilter(HideSecrets())
        package.addHandler(handler)
    package.setLevel(logging.DEBUG)
    package.propagate = False
    return file
