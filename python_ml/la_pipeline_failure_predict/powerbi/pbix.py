"""Compile the reports to .pbix with a program that is not Power BI, for a look without it.

A .pbix holds a compiled model that only Power BI writes as it should. Pbix-mcp (MIT) comes close:
tables are empty until they are refreshed, and descriptions and the mark of the date table are lost.
"""

import json
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.build import REPORTS_FOLDER, Design

OUTPUT = Path("artifacts") / "powerbi"


def compile_reports(root: Path, design: Design) -> list[Path]:
    """Write a .pbix of each report and return their paths from the project folder.

    Raises
    ------
    UserError
        If pbix-mcp is not installed, or cannot compile a report.
    """
    try:
        from pbix_mcp import server
    except ImportError:
        raise UserError(
            'Compiling needs pbix-mcp: pip install "la_pipeline_failure_predict[pbix]".'
        ) from None
    (root / OUTPUT).mkdir(parents=True, exist_ok=True)
    return [_compile(server, root, report.name, design) for report in design.reports]


def _compile(server: Any, root: Path, name: str, design: Design) -> Path:  # noqa: ANN401
    target = OUTPUT / f"{name}.pbix"
    _do(server.pbix_open_pbip(str(root / REPORTS_FOLDER / f"{name}.pbip"), name), name)
    try:
        # The import drops the filters of roles, and a role without filters shows every row.
        for role in design.specification.model.roles:
            for table, dax in role.filters.items():
                done = server.pbix_set_rls_role(name, role.name, table, dax, role.description)
                _do(done, name)
        _do(server.pbix_save(name, str(root / target), overwrite=True), name)
    finally:
        server.pbix_close(name, True)
    return target


def _do(answer: str | dict[str, Any], name: str) -> None:
    """Raise what the compiler answers when it could not."""
    result = json.loads(answer) if isinstance(answer, str) else answer
    if not result.get("success"):
        raise UserError(f"{name} could not be compiled: {result.get('message', 'no reason given')}")
