"""Run dbt as a user would type it, watching its progress."""

import logging
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from la_pipeline_failure_predict import orphans
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse.faults import explain_fault
from la_pipeline_failure_predict.warehouse.open import find_profiles_dir

log = logging.getLogger(__name__)

DONE = re.compile(r"\b(\d+) of (\d+) (?:OK|PASS|WARN|FAIL|ERROR|SKIP|NO-OP|INSERT)\b ?(.*)")
SUMMARY = re.compile(r"PASS=(\d+) WARN=(\d+) ERROR=(\d+) SKIP=(\d+)")
NOISE = re.compile(r"^\d\d:\d\d:\d\d\s*")
TROUBLE = re.compile(r"\b(?:FAIL \d+|ERROR creating|ERROR loading|Failure in|Error in|WARN \d+)\b")


class DbtFailed(Exception):
    """Models or tests failed; the message names them."""


@dataclass
class DbtResult:
    """What a dbt command did."""

    passed: int = 0
    warned: int = 0
    failed: int = 0
    skipped: int = 0
    trouble: list[str] = field(default_factory=list)


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> DbtResult:
    """Run a dbt command on the settings' target.

    Parameters
    ----------
    arguments
        Command and flags, such as ``("build", "--select", "core")``.
    progress
        Told nodes done, nodes in all and the last node's line.

    Raises
    ------
    UserError
        If dbt cannot start: bad configuration, unknown target, unreachable database; or cannot go
        on: no disk space, a lost connection, killed.
    DbtFailed
        If a model or a test failed.
    """
    root = settings.root
    command = orphans.command("dbt.cli.main", "--no-use-colors", *arguments)
    command += ["--project-dir", str(root), "--profiles-dir", str(find_profiles_dir(root))]
    if settings.target:
        command += ["--target", settings.target]
    log.debug("running dbt %s", " ".join(arguments))
    result, lines = DbtResult(), []
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            text = NOISE.sub("", line.rstrip())
            log.debug("dbt: %s", text)
            lines.append(text)
            _watch(text, result, progress)
    if process.returncode == 0:
        return result
    if sentence := explain_fault("\n".join(lines)):
        raise UserError(sentence)
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        raise UserError(
            f"dbt {arguments[0]} was ended from outside ({name}; the system does so when memory "
            "runs out): run the command again."
        )
    if process.returncode == 1 and result.failed:
        raise DbtFailed(_failure(result))
    raise UserError(f"dbt {arguments[0]} could not run: {_last_error(lines)}")


def _watch(text: str, result: DbtResult, progress: Callable[[int, int, str], None]) -> None:
    if done := DONE.search(text):
        progress(int(done[1]), int(done[2]), done[3])
    if TROUBLE.search(text):
        result.trouble.append(re.sub(r"^\d+ of \d+ |\.{2,}", "", text).strip())
    if summary := SUMMARY.search(text):
        result.passed, result.warned = int(summary[1]), int(summary[2])
        result.failed, result.skipped = int(summary[3]), int(summary[4])


def _failure(result: DbtResult) -> str:
    failed = [line for line in result.trouble if not line.startswith("WARN")]
    listed = "\n  ".join(dict.fromkeys(failed[:12]))
    return f"dbt: {result.failed} failed, {result.skipped} skipped:\n  {listed}"


def _last_error(lines: Sequence[str]) -> str:
    useful = [line.strip() for line in lines if line.strip()]
    for position, line in enumerate(useful):
        if "Error" in line:
            return " ".join(useful[position : position + 4])[:600]
    return useful[-1] if useful else "it printed nothing"
