"""Run notebooks against the warehouse and keep their outputs, so that a diff shows what changed."""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import write_whole
from la_pipeline_failure_predict.settings import Settings

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

log = logging.getLogger(__name__)

FOLDER = Path("docs/03_notebooks")
CELL_SECONDS = 600
# The metadata that is kept; versions and editors' notes depend on who runs the notebook.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class NotebookFailed(Exception):
    """A cell raised an unexpected error; the message names it."""


def find_notebooks(root: Path, names: Sequence[str] = ()) -> list[Path]:
    """Return the project's notebooks, or those named, in order.

    Raises
    ------
    UserError
        If a name is not that of a notebook.
    """
    known = {file.stem: file for file in sorted((root / FOLDER).glob("*.ipynb"))}
    wanted = [name.removesuffix(".ipynb") for name in names]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise UserError(
            f"There is no notebook {unknown[0]!r} in {FOLDER}; there are {', '.join(known)}."
        )
    return [file for name, file in known.items() if not wanted or name in wanted]


def run_notebooks(
    files: Sequence[Path],
    folder: Path,
    settings: Settings,
    *,
    progress: Callable[[int, int, str], None],
    stopped: Callable[[str, str], None],
) -> list[Path]:
    """Run notebooks on the settings' target and write them, with outputs, to a folder.

    Parameters
    ----------
    folder
        Where to write; a notebook that does not finish leaves the file unchanged.
    progress
        Told cells begun, cells in all and the notebook's name.
    stopped
        Told the name of a notebook that has nothing to show, and its sentence why.

    Raises
    ------
    UserError
        If nbclient or ipykernel is not installed, or a file cannot be written.
    NotebookFailed
        If a cell failed.
    """
    try:
        import ipykernel  # noqa: F401
        import nbformat
        from nbclient.exceptions import CellExecutionError
    except ImportError:
        raise UserError(
            "Running notebooks needs nbclient: "
            'pip install "la_pipeline_failure_predict[notebooks,report]".'
        ) from None
    written = []
    with _kernel(settings) as client:
        for file in files:
            notebook = nbformat.read(file, as_version=4)
            try:
                for done in _run(client, notebook):
                    progress(done, len(notebook.cells), file.stem)
            except CellExecutionError as error:
                if error.ename == UserError.__name__:
                    stopped(file.stem, error.evalue)
                    continue
                log.error("%s: %s", file.name, error)
                first_line = f"{error.ename}: {error.evalue}".splitlines()[0]
                raise NotebookFailed(f"{file.stem}: {first_line}") from None
            target = folder / file.name
            write_whole(target, nbformat.writes(_tidy(notebook)) + "\n")
            written.append(target)
    return written


@contextmanager
def _kernel(settings: Settings) -> "Iterator[NotebookClient]":
    """Start one kernel for all notebooks, because imports take most of the time."""
    from nbclient import NotebookClient
    from nbformat.v4 import new_notebook

    environment = os.environ | {"LA_PIPES_PROJECT_DIR": str(settings.root)}
    # As a notebook shows it, whichever backend draws charts elsewhere.
    environment["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    if settings.target:
        environment["LA_PIPES_TARGET"] = settings.target
    client = NotebookClient(
        new_notebook(), kernel_name="python3", timeout=CELL_SECONDS, record_timing=False
    )
    kernel = client.create_kernel_manager()
    with TemporaryDirectory(prefix="la-pipes-") as sockets:
        if sys.platform != "win32":
            # Files of this user instead of a port that every user of the machine can reach; named
            # in full, because the kernel works in another folder than the command may.
            kernel.transport, kernel.ip = "ipc", f"{sockets}/kernel"
        with client.setup_kernel(env=environment, cwd=str(settings.root)):
            yield client


def _run(client: "NotebookClient", notebook: "NotebookNode") -> Iterator[int]:
    """Run the cells one by one, telling how many are done."""
    from nbformat.v4 import new_code_cell, new_notebook

    # Without the names of the notebook before, so that each also runs alone.
    client.nb = new_notebook(cells=[new_code_cell("%reset -f")])
    client.execute_cell(client.nb.cells[0], 0, store_history=False)
    client.nb = notebook
    for number, cell in enumerate(notebook.cells):
        yield number
        client.execute_cell(cell, number)


def _tidy(notebook: "NotebookNode") -> "NotebookNode":
    """Leave out what differs from run to run; number the cells from 1."""
    from nbformat import from_dict

    notebook.metadata = from_dict(METADATA)
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(codes, start=1):
        cell.metadata = from_dict({})
        cell.execution_count = number
        for output in cell.outputs:
            if "metadata" in output:
                output.metadata = from_dict({})
            if "execution_count" in output:
                output.execution_count = number
    return notebook
