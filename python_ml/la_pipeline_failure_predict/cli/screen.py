"""The screen: lines, tables, and a bar with rate and time left while a step runs.

A terminal gets bars, color and lines broken between words. Anything else gets the same lines whole,
one per step, without a bar or color. `rich` draws; it is imported when something is to be drawn.
"""

import logging
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal, Self

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

log = logging.getLogger(__name__)

UNLIMITED = 10_000
GAP = 2  # between columns
NO_BREAK = "\u00a0"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    is_number
        Whether it is aligned to the right.
    is_whole
        Whether its cells are never broken, not even between words.
    """

    title: str
    is_number: bool = False
    is_whole: bool = False


class Screen:
    """What a command says."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    @classmethod
    def current(cls) -> Self:
        """Return the screen of the command that runs, one for all who write to it."""
        return click.get_current_context().ensure_object(cls)

    def say(self, message: str = "") -> None:
        """Print a line, or several; they are logged too."""
        if message.strip():
            log.info(message)
        self._print(message, sys.stdout)

    def notice(self, message: str) -> None:
        """Print a line that is no result, where errors go."""
        self._print(message, sys.stderr)

    def fail(self, message: str) -> None:
        """Print an error."""
        self._print(f"Error: {message}", sys.stderr, {"Error:": "bold red"})

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
        """Print a table: cells are broken between words to fit a terminal, whole anywhere else."""
        from rich.table import Table
        from rich.text import Text

        self.close()
        cells = [[str(cell) for cell in row] for row in rows]
        table, least = Table(box=None, pad_edge=False, header_style="bold"), -GAP
        for position, column in enumerate(columns):
            wholes = column.title.split()
            for row in cells:
                wholes += [row[position]] if column.is_whole else row[position].split()
            width = max(map(len, wholes), default=0)
            side: Literal["left", "right"] = "right" if column.is_number else "left"
            table.add_column(Text(column.title), justify=side, min_width=width)
            least += width + GAP
        for row in cells:
            table.add_row(*map(Text, row))
        console = _console(sys.stdout)
        console.width = max(console.width, least) if console.is_terminal else UNLIMITED
        with console.capture() as captured:
            console.print(table)
        for line in captured.get().splitlines():
            echo(line.rstrip(), sys.stdout)

    def advance(self, done: int, total: int, what: str) -> None:
        """Show how far a step is, with its rate and the time left; on a terminal only."""
        if not sys.stdout.isatty():
            return
        if self._progress is None:
            self._progress = _progress(_console(sys.stdout))
            self._progress.start()
        goal = total or None
        task = self._progress.tasks[0] if self._task is not None else None
        if task is None or self._task is None:
            self._task = self._progress.add_task(what, total=goal, completed=done)
        elif task.total != goal or task.completed > done:
            # Another step: its own rate and time.
            self._progress.reset(self._task, total=goal, completed=done, description=what)
        else:
            self._progress.update(self._task, completed=done, description=what)

    def text(self, message: str) -> None:
        """Show what a step does now, where it cannot be counted."""
        self.advance(0, 0, message)

    def close(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = self._task = None

    def _print(self, message: str, stream: IO[str], styles: dict[str, str] | None = None) -> None:
        self.close()
        if not stream.isatty():
            echo(message, stream)
            return
        from rich.text import Text

        text = Text(wrap(message, shutil.get_terminal_size().columns))
        for word, style in ({"Done:": "bold green"} if styles is None else styles).items():
            if message.startswith(word):
                text.stylize(style, 0, len(word))
        text.highlight_regex(r"^ *WARN\b", "bold yellow")
        text.highlight_regex(r"^ *FAIL\b", "bold red")
        _console(stream).print(text, soft_wrap=True)


def echo(message: str, stream: IO[str], nl: bool = True) -> None:
    """Print text as it is; the work goes on when nobody reads it any more, as after `| head`."""
    try:
        click.echo(message, file=stream, nl=nl)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def wrap(message: str, width: int) -> str:
    """Break lines between words, and indent what follows; a word that is too long stays whole."""
    lines = (
        textwrap.fill(
            line,
            width - 1,
            subsequent_indent=re.match(r" *", line)[0] + "  ",  # type: ignore[index]
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in message.replace(" %", f"{NO_BREAK}%").split("\n")
    )
    return "\n".join(lines).replace(NO_BREAK, " ")


def _console(stream: IO[str]) -> "Console":
    from rich.console import Console

    # A variable such as FORCE_COLOR must not put bars into a log: what the stream is, decides.
    return Console(
        file=stream,
        force_terminal=stream.isatty(),
        force_jupyter=False,
        markup=False,
        emoji=False,
        highlight=False,
    )


def _progress(console: "Console") -> "Progress":
    from rich.console import RenderableType
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.table import Column as Cell
    from rich.text import Text

    class Counted(ProgressColumn):
        """A column of steps that can be counted; empty for others."""

        def __init__(self, column: ProgressColumn) -> None:
            self._column = column
            super().__init__()

        def render(self, task: Task) -> RenderableType:
            return self._column(task) if task.total else Text("")

    class Uncounted(Counted):
        """A column of steps that cannot be counted."""

        def render(self, task: Task) -> RenderableType:
            return Text("") if task.total else self._column(task)

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.1f}/s" if task.speed else "", style="progress.data.speed")

    class Left(ProgressColumn):
        def render(self, task: Task) -> Text:
            seconds = task.time_remaining
            if seconds is None:
                return Text("")
            minutes, seconds = divmod(int(seconds), 60)
            return Text(f"{minutes}:{seconds:02d} left", style="progress.remaining")

    return Progress(
        Counted(BarColumn(bar_width=18)),
        Counted(MofNCompleteColumn()),
        Counted(Rate()),
        Counted(Left()),
        Uncounted(TimeElapsedColumn()),
        TextColumn("{task.description}", table_column=Cell(ratio=1, no_wrap=True)),
        console=console,
        transient=True,
        expand=True,
    )
