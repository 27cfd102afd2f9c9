"""Run dbt in a process of its own, and read what it says to programs."""

import json
import logging
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Self, cast

from la_pipeline_failure_predict import orphans
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse.faults import explain_fault
from la_pipeline_failure_predict.warehouse.open import find_profiles_dir

log = logging.getLogger(__name__)

WORKER = "la_pipeline_failure_predict.dbt_worker"
# The worker tells what dbt says; a second log file and a screen nobody sees cost time.
QUIET = ("--log-level", "none", "--log-level-file", "none", "--no-use-colors")
PARSE_AHEAD: tuple[str, ...] = ()
WELL = ("success", "pass", "no-op")
BROKEN = ("error", "fail", "runtime error", "partial success")
NAMED_FAILURES = 12

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class NodeResult:
    """How a model, seed or test ended.

    Attributes
    ----------
    kind
        dbt's word: model, seed, test, unit_test, operation.
    status
        dbt's word: success, pass, warn, fail, error, skipped.
    message
        What dbt says of it.
    description
        What the project's YAML says of it.
    failures
        Rows that failed a test.
    kept_in
        Table of the rows that failed, for a test that keeps them.
    """

    name: str
    kind: str
    status: str
    message: str | None
    description: str
    failures: int
    kept_in: str | None
    seconds: float


@dataclass(frozen=True)
class DbtResult:
    """What a dbt command did; no nodes for one that runs none."""

    nodes: tuple[NodeResult, ...] = ()

    def count(self, *statuses: str) -> int:
        """Return how many nodes ended so."""
        return len(self.of(*statuses))

    def of(self, *statuses: str) -> list[NodeResult]:
        """Return the nodes that ended so."""
        return [node for node in self.nodes if node.status in statuses]

    @property
    def passed(self) -> int:
        """Number of nodes that ended well."""
        return self.count(*WELL)

    @property
    def warned(self) -> list[NodeResult]:
        """Tests that found something and do not stop the build."""
        return self.of("warn")


class DbtFailed(Exception):
    """Models or tests failed; the message names them.

    Attributes
    ----------
    broken
        Those that failed.
    """

    def __init__(self, broken: Sequence[NodeResult], skipped: int) -> None:
        super().__init__(_failure(broken, skipped))
        self.broken = tuple(broken)


@dataclass(frozen=True)
class _Child:
    """The process of dbt, where commands go, where messages come from, and what it prints."""

    process: subprocess.Popen[str]
    commands: IO[str]
    messages: IO[str]
    printed: IO[str]

    @classmethod
    def start(cls, settings: Settings) -> Self:
        """Start dbt on the settings' project and target."""
        root = settings.root
        where = ["--project-dir", str(root), "--profiles-dir", str(find_profiles_dir(root))]
        if settings.target:
            where += ["--target", settings.target]
        printed = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        process = subprocess.Popen(
            orphans.command(WORKER, *QUIET, *where),
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            encoding="utf-8",
        )
        commands, messages = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        return cls(process, commands, messages, printed)

    def end(self) -> str:
        """End it, unless it has ended; returns what it printed."""
        self.process.kill()
        self.process.communicate()
        with self.printed as file:
            file.seek(0)
            return file.read()


class Dbt:
    """A dbt that takes one command after another.

    It ends with the `with` block, or with the process that made it, whatever ends that.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._child: _Child | None = None

    def parse_ahead(self) -> None:
        """Begin to parse the project, once for all commands to come, and do not wait for it."""
        if self._child is None:
            self._send(PARSE_AHEAD)

    def run(
        self, arguments: Sequence[str], progress: Progress = lambda done, total, what: None
    ) -> DbtResult:
        """Run a dbt command on the settings' target.

        Parameters
        ----------
        arguments
            Command and flags, such as ``("build", "--select", "core")``.
        progress
            Told nodes done, nodes in all and the last node's name.

        Raises
        ------
        UserError
            If dbt cannot start: bad configuration, unknown target, unreachable database; or cannot
            go on: no disk space, a lost connection, killed.
        DbtFailed
            If a model or a test failed.
        """
        log.debug("running dbt %s", " ".join(arguments))
        began = time.perf_counter()
        child = self._send(arguments)
        said: list[str] = []
        for message in map(json.loads, child.messages):
            if "success" in message:
                log.debug(
                    "dbt took %.2f s; its queries %.2f s, added up over threads",
                    time.perf_counter() - began,
                    message["query_seconds"],
                )
                return _judge(arguments[0], message, said)
            if "log" in message:
                log.debug("dbt: %s", message["log"])
                said.append(message["log"])
            else:
                progress(message["done"], message["total"], message["node"])
        self._child = None
        raise UserError(_why_ended(child, arguments[0], said))

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.end()
        self._child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, arguments: Sequence[str]) -> _Child:
        child = self._child = self._child or _Child.start(self._settings)
        try:
            child.commands.write(json.dumps(list(arguments)) + "\n")
            child.commands.flush()
        except BrokenPipeError:  # it has ended: whoever reads its messages finds out how
            log.debug("dbt has ended before %s", arguments)
        return child


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    progress: Progress = lambda done, total, what: None,
) -> DbtResult:
    """Run one dbt command; see `Dbt.run`."""
    with Dbt(settings) as dbt:
        return dbt.run(arguments, progress)


def _judge(command: str, ended: dict[str, Any], said: Sequence[str]) -> DbtResult:
    """Return how a command ended, or raise what went wrong."""
    result = DbtResult(tuple(NodeResult(**node) for node in ended["nodes"]))
    if ended["success"]:
        return result
    broken = result.of(*BROKEN)
    texts = [*said, ended["error"] or "", *(node.message or "" for node in broken)]
    if sentence := explain_fault("\n".join(texts)):
        raise UserError(sentence)
    if broken:
        raise DbtFailed(broken, result.count("skipped"))
    why = ended["error"] or (said[-1] if said else "it said nothing")
    raise UserError(f"dbt {command} could not run: {' '.join(why.split())[:600]}")


def _why_ended(child: _Child, command: str, said: Sequence[str]) -> str:
    """Return why dbt ended before its command did."""
    code = child.process.wait()
    printed = child.end()
    log.debug("dbt printed: %s", printed)
    if sentence := explain_fault("\n".join([*said, printed])):
        return sentence
    if code < 0:
        return (
            f"dbt {command} was ended from outside ({signal.Signals(-code).name}; the system does "
            "so when memory runs out): run the command again."
        )
    last = printed.strip().splitlines() or ["it printed nothing"]
    return f"dbt {command} could not run: {last[-1]}"


def _failure(broken: Sequence[NodeResult], skipped: int) -> str:
    listed = "\n  ".join(_broken_line(node) for node in broken[:NAMED_FAILURES])
    more = len(broken) - NAMED_FAILURES
    rest = f"\n  and {more} more" if more > 0 else ""
    return f"dbt: {len(broken)} failed, {skipped} skipped:\n  {listed}{rest}"


def _broken_line(node: NodeResult) -> str:
    """Return a line about a node that failed: what it is, and what dbt says of it."""
    why = " ".join((node.message or node.status).split())[:300]
    rows = f" (the rows are in {node.kept_in})" if node.kept_in else ""
    return f"{node.kind} {node.name}: {why}{rows}"
