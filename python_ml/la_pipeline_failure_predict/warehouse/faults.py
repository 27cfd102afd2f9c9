"""Faults of an engine, or below it, as a sentence that says how to fix them."""

import re
from collections.abc import Mapping

LOCK_TIMEOUT = "due to lock timeout"
RERUN = "The former state is intact: {fix}, then run the command again."
# Words of the engines and of the system they run on -> what happened, and the fix.
FAULTS: Mapping[str, tuple[str, str]] = {
    r"is locked by|lock timeout": (
        "Another session has locked what this step needs",
        "end that session or its transaction",
    ),
    r"statement timeout": (
        "The database ended a statement that took too long",
        "set a longer statement_timeout for this database user",
    ),
    r"cancell?ing statement due to user request|query_canceled": (
        "Somebody cancelled a statement of this command in the database",
        "find out who and why",
    ),
    r"read-only transaction|during recovery": (
        "The database lets this user only read",
        "use a database and a user that may write",
    ),
    r"too many (?:clients|connections)|remaining connection slots": (
        "The database lets in no more connections",
        "wait until others have ended, or raise its limit",
    ),
    r"permission denied (?:for|to)|must be (?:owner|superuser|able to)": (
        "The database user lacks a right",
        "let an administrator grant it",
    ),
    r"deadlock detected": (
        "Two sessions of the database waited for each other",
        "end the other one",
    ),
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
    r"corrupt database file|database has been invalidated": (
        "The file of the warehouse is damaged",
        "put back a copy of it",
    ),
    r'catalog "?\w+"? does not exist': (
        "The file of the warehouse had another name when its views were built",
        "give it that name, or build it again with la-pipes build",
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
