"""Faults of an engine, or below it, as a sentence that says how to fix them."""

import re
from collections.abc import Mapping

RERUN = "The former state is intact: {fix}, then run the command again."
# Words of the engines and of the system they run on -> what happened, and the fix.
FAULTS: Mapping[str, tuple[str, str]] = {
    r"no space left on device|file too large|disk full|disk quota exceeded"
    r"|could not extend file|failed to offload|max_temp_directory_size": (
        "The warehouse ran out of disk space",
        "free some disk space",
    ),
    r"read-only file system|in read-only mode|permission denied|operation not permitted": (
        "The warehouse cannot be written",
        "check its permissions",
    ),
    r"out of memory|cannot allocate memory|failed to allocate|memoryerror": (
        "The machine ran out of memory",
        "close other programs",
    ),
    r"could not set lock on file|conflicting lock is held": (
        "Another process opened the warehouse meanwhile",
        "close the program that has it open",
    ),
    r"server closed the connection|connection to server .* (?:failed|was lost)"
    r"|no connection to the server|terminating connection|connection (?:refused|reset|not open)"
    r"|connection already closed|could not (?:receive data from|send data to) server"
    r"|ssl connection has been closed|eof detected|is (?:starting up|shutting down)"
    r"|not yet accepting connections|in recovery mode": (
        "The connection to the database was lost",
        "check that the server is running",
    ),
}


def explain_error(error: Exception) -> str | None:
    """Return a sentence for an error with an outside cause, else None."""
    if isinstance(error, OSError) and error.filename:
        return (
            f"Cannot read or write {error.filename} ({error.strerror}): check that it exists, "
            "its permissions, and that there is disk space."
        )
    return explain_fault(f"{type(error).__name__}: {error}")


def explain_fault(text: str) -> str | None:
    """Return a sentence for a fault of the engine's surroundings, and None for any other error.

    Parameters
    ----------
    text
        An error's message, or what a program printed.
    """
    for pattern, (what, fix) in FAULTS.items():
        for line in text.splitlines():
            if re.search(pattern, line, re.IGNORECASE):
                return f"{what} ({line.strip()[:200]}). {RERUN.format(fix=fix)}"
    return None
