"""Check reports with Microsoft's own tool, where it is installed.

The npm package `@microsoft/powerbi-report-authoring-cli` knows what the schemas do not say: which
fields a visual takes, which formats it has, and what keeps Desktop from opening a report.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.errors import UserError, first_line

COMMAND = "powerbi-report-author"
# Folder in which the package was installed with npm, where the command is not on the path.
FOLDER_VARIABLE = "LA_PIPES_NODE_FOLDER"
REPORTS = "*.Report"


def run_authoring_check(project_folder: Path) -> list[str] | None:
    """Return what Microsoft's tool finds in the reports of a folder, one sentence each.

    Returns
    -------
    list of str or None
        Errors and warnings; None where Node or the tool is not installed.

    Raises
    ------
    UserError
        If the tool does not answer as it is known to.
    """
    command = _find_command()
    if command is None:
        return None
    return [
        finding
        for report in sorted(project_folder.glob(REPORTS))
        for finding in _findings(_validate(command, report), project_folder)
    ]


def _find_command() -> str | None:
    if not shutil.which("node"):
        return None
    places = [os.environ.get("PATH", "")]
    if folder := os.environ.get(FOLDER_VARIABLE):
        places.append(str(Path(folder) / "node_modules" / ".bin"))
    return shutil.which(COMMAND, path=os.pathsep.join(places))


def _validate(command: str, report: Path) -> dict[str, Any]:
    # Without the schemas, which it would fetch; they are checked from a folder.
    done = subprocess.run(
        [command, "validate", "--no-schema", str(report)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    try:
        return json.loads(done.stdout)["data"]
    except (ValueError, KeyError) as error:
        said = first_line(done.stderr or done.stdout)
        raise UserError(
            f"{COMMAND} could not check {report} ({said}): install version 0.1.4 of the npm "
            "package @microsoft/powerbi-report-authoring-cli."
        ) from error


def _findings(result: dict[str, Any], folder: Path) -> Iterator[str]:
    for code, group in result.get("diagnostics", {}).items():
        for item in group["items"]:
            yield f"{group['severity']} {code}: {_shortened(item['message'], folder)}"


def _shortened(message: str, folder: Path) -> str:
    return message.replace(f"{folder.resolve()}{os.sep}", "")
