"""A child process that ends with its parent: `python -m ....orphans PARENT_ID MODULE ARGUMENTS`.

If `la-pipes` is killed, it cannot end the dbt that it started, and an orphaned dbt would go on
writing and keep the DuckDB file locked. dbt is therefore started through this module, which asks
the system to kill it with its parent and then becomes dbt.
"""

import ctypes
import os
import runpy
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1  # prctl(2)
POLL_S = 0.5


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a Python module as a child of this process."""
    return [sys.executable, "-m", __name__, str(os.getpid()), module, *arguments]


def die_with(parent: int) -> None:
    """End this process when its parent ends: at once on Linux, within a second elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os._exit(1)


def main() -> None:
    """Tie this process to its parent and run the module."""
    parent, module, *arguments = sys.argv[1:]
    die_with(int(parent))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
