"""One writer at a time: who has a warehouse, and how long to wait for it."""

import getpass
import os
import signal
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import FrameType
from typing import cast

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.runlog import notice

COMMAND: ContextVar[str] = ContextVar("command", default="la-pipes")
"""What this process does, for messages to those who wait for it."""

FIRST_WORD_S = 1.0
POLL_S = 0.1
WATCH_S = 0.5
"""How often a lock is looked after, seconds."""


class Lock(ABC):
    """A lock on a warehouse that ends with the process that holds it, however it ends."""

    @abstractmethod
    def try_acquire(self) -> str | None:
        """Take the lock and return None; if another process has it, return who."""

    @abstractmethod
    def release(self) -> None:
        """Release it."""

    def is_held(self) -> bool:
        """Whether it is still held; what cannot be taken from its process always is."""
        return True


class LockLost(BaseException):
    """Raised in the main thread when the lock is lost, whatever it is doing."""


@contextmanager
def ended_when_lost(lock: Lock, label: str) -> Iterator[None]:
    """End the block soon after the lock is lost, because another writer may have begun.

    Raises
    ------
    UserError
        If it was lost.
    """
    number = getattr(signal, "SIGUSR1", None)
    if number is None or threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can be interrupted, and not on Windows
        return

    def interrupt(received: int, frame: FrameType | None) -> None:
        lost.set()
        raise LockLost

    lost = threading.Event()
    former, done = signal.signal(number, interrupt), threading.Event()
    watch = threading.Thread(target=_watch, args=(lock, done, number), daemon=True)
    watch.start()
    try:
        yield
    except (LockLost, Exception):
        # A library that was called wraps what interrupts it in an error of its own.
        if not lost.is_set():
            raise
        raise UserError(
            f"The connection to the database was lost, and the lock on the {label} with it: "
            "somebody ended its session, or the server. The former state is intact: check that the "
            "server is running, then run the command again."
        ) from None
    finally:
        done.set()
        watch.join(POLL_S)
        signal.signal(number, former)


def _watch(lock: Lock, done: threading.Event, number: signal.Signals) -> None:
    while not done.wait(WATCH_S):
        if not lock.is_held() and not done.is_set():
            signal.pthread_kill(cast(int, threading.main_thread().ident), number)
            return


def wait_for(attempt: Callable[[], str | None], wait_s: float, label: str) -> None:
    """Try until there is no holder left.

    Parameters
    ----------
    attempt
        Returns None on success, else the holder.
    wait_s
        How long to go on trying, seconds.
    label
        What is being waited for.

    Raises
    ------
    UserError
        If it is still held after that time; names the holder.
    """
    started, told = time.monotonic(), False
    while (holder := attempt()) is not None:
        waited = time.monotonic() - started
        if waited >= wait_s:
            raise UserError(
                f"The {label} is locked by {holder}: wait until it has finished, or stop it, then "
                f"run the command again (waited {wait_s:g} s; LA_PIPES_LOCK_WAIT_S sets how "
                "long)."
            )
        if waited >= FIRST_WORD_S and not told:
            notice(f"Waiting for {holder} to finish, at most {wait_s:g} s.")
            told = True
        time.sleep(min(POLL_S, wait_s - waited))


def describe_process() -> str:
    """Describe this process to those who wait for it."""
    return f"{COMMAND.get()} (process {os.getpid()} on {socket.gethostname()})"


def describe_holder() -> str:
    """Say who this process is, whose it is, and since when."""
    since = f"since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"{COMMAND.get()} (process {os.getpid()}, user {current_user()}, {since})"


def current_user() -> str:
    """Return the name of the system user who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name
        return "unknown"
