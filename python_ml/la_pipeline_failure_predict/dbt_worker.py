"""dbt in a process that takes several commands; `dbt_runner.Dbt` starts it.

One line of JSON in is a command: the list of its arguments. Lines of JSON out say what happens:
`{"log": text}` for what dbt logs, `{"done": 3, "total": 90, "node": name}` for a node that has
ended, and last `{"success": bool, "error": text, "nodes": [...], "query_seconds": 1.2}`.

An empty list parses the project, silently: the commands after it start from that manifest.
"""

import gc
import json
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, TextIO

from dbt.adapters.factory import FACTORY
from dbt.artifacts.schemas.run import RunResult
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt_common.events.base_types import EventMsg

LOGGED_LEVELS = ("info", "warn", "error")
# dbt makes millions of objects that live as long as the manifest: Python's own thresholds look
# through them hundreds of times, which is a quarter of the time of a build.
GC_THRESHOLDS = (50_000, 20, 20)


class Worker:
    """Runs commands and writes what happens."""

    def __init__(self, out: TextIO, common: list[str]) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._common = common
        self._runner = dbtRunner(callbacks=[self._watch])
        self._done = self._total = 0
        self._query_seconds = 0.0
        self._is_heard = False

    def run(self, arguments: list[str]) -> None:
        """Run a command and write how it ended."""
        self._done = self._total = 0
        self._query_seconds = 0.0
        self._is_heard = True
        ended = _ended(self._runner.invoke([*arguments, *self._common]))
        _release_warehouse()
        self._write(ended | {"query_seconds": self._query_seconds})

    def parse(self) -> None:
        """Parse the project; what is wrong with it is told by the command that comes next."""
        self._is_heard = False
        gc.disable()
        parsed = self._runner.invoke(["parse", *self._common])
        gc.freeze()
        gc.enable()
        if parsed.success:
            self._runner.manifest = parsed.result

    def _watch(self, event: EventMsg) -> None:
        if event.info.name == "ConcurrencyLine":
            self._total = event.data.node_count
        elif event.info.name == "SQLQueryStatus":
            self._query_seconds += event.data.elapsed
        elif event.info.name == "NodeFinished":
            self._done += 1
            name = event.data.node_info.node_name
            self._write({"done": self._done, "total": self._total, "node": name})
        if self._is_heard and event.info.level in LOGGED_LEVELS and event.info.msg:
            self._write({"log": event.info.msg})

    def _write(self, message: dict[str, Any]) -> None:
        with self._lock:  # nodes end in several threads
            self._out.write(json.dumps(message) + "\n")
            self._out.flush()


def _release_warehouse() -> None:
    """Close what an adapter keeps open to its end: a DuckDB file is for one process at a time."""
    for adapter in FACTORY.adapters.values():
        close = getattr(adapter.connections, "close_all_connections", None)
        if close is not None:
            close()
    gc.collect()


def _ended(result: dbtRunnerResult) -> dict[str, Any]:
    return {
        "success": result.success,
        "error": None if result.exception is None else str(result.exception),
        "nodes": list(_nodes(result.result)),
    }


def _nodes(result: object) -> Iterator[dict[str, Any]]:
    """Yield what is to be known of each node of a run; nothing for a command that runs none."""
    for item in getattr(result, "results", ()):
        node = getattr(item, "node", None)
        if node is None:
            continue
        yield {
            "name": node.name,
            "kind": str(node.resource_type),
            "status": str(item.status),
            "message": item.message,
            "description": getattr(node, "description", ""),
            "failures": getattr(item, "failures", None) or 0,
            "kept_in": _kept_in(item),
            "seconds": item.execution_time,
        }


def _kept_in(item: RunResult) -> str | None:
    """Return the table that holds the rows that failed a test, where the test keeps them."""
    is_kept = str(item.node.resource_type) == "test" and item.node.config.store_failures
    return item.node.relation_name if is_kept and str(item.status) in ("warn", "fail") else None


def main() -> None:
    """Take commands until there are no more."""
    # What dbt or a library prints goes to stderr: stdout carries the messages alone.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    gc.set_threshold(*GC_THRESHOLDS)
    worker = Worker(out, sys.argv[1:])
    for line in sys.stdin:
        arguments = json.loads(line)
        if arguments:
            worker.run(arguments)
        else:
            worker.parse()


if __name__ == "__main__":
    main()
