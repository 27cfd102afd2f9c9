"""A command on a terminal of its own, as a person would see it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COLOR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|38;[\d;]+|9[0-7])(?:;\d+)*m")
CONTROL = re.compile(r"\x1b\[[?\d;]*[A-Za-z]")


@dataclass(frozen=True)
class Shown:
    """What a terminal was sent."""

    exit_code: int
    sent: str

    @property
    def text(self) -> str:
        """What was sent without colors and movements of the cursor."""
        return CONTROL.sub("", self.sent).replace("\r\n", "\n")

    @property
    def has_color(self) -> bool:
        """Whether anything was colored."""
        return bool(COLOR.search(self.sent))


def on_terminal(
    command: Sequence[str], columns: int = 80, environment: Mapping[str, str] | None = None
) -> Shown:
    """Run a command to its end on a terminal of so many columns."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")
    }
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=inherited | {"TERM": "xterm-256color"} | dict(environment or {}),
    ) as process:
        os.close(theirs)
        sent = b""
        while part := _read(mine):
            sent += part
    os.close(mine)
    return Shown(process.returncode, sent.decode())


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side has closed
        return b""
