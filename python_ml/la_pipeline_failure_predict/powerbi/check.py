"""Judge the Power BI files, and the rows that they import."""

from collections.abc import Iterator
from pathlib import Path

from la_pipeline_failure_predict.powerbi.authoring_check import run_authoring_check
from la_pipeline_failure_predict.powerbi.build import (
    FOLDER,
    REPORTS_FOLDER,
    Design,
    generated_files,
    write_project,
)
from la_pipeline_failure_predict.powerbi.lint import (
    Spot,
    Violation,
    check_columns,
    lint_data,
    lint_project,
)
from la_pipeline_failure_predict.powerbi.model import SemanticModel
from la_pipeline_failure_predict.powerbi.schema_check import CHECKED_SUFFIXES, check_schemas
from la_pipeline_failure_predict.warehouse import Warehouse


def check_project(root: Path, design: Design, schemas: Path | None = None) -> list[Violation]:
    """Return what in the files has drifted from dbt, and what would not work in Power BI.

    Parameters
    ----------
    schemas
        Folder of Microsoft's published JSON schemas; without it, they are not checked against.

    Raises
    ------
    UserError
        If a file cannot be read at all.
    """
    drifted = [
        _error(
            "DRIFT", path, "it is not what dbt declares: run la-pipes powerbi build and commit it."
        )
        for path in write_project(root, design, check=True)
    ]
    return [
        *drifted,
        *lint_project(root / FOLDER),
        *_against_schemas(root, schemas),
        *_by_the_authoring_tool(root),
    ]


def check_warehouse(warehouse: Warehouse, model: SemanticModel) -> list[Violation]:
    """Return what in the warehouse is not as the model imports it."""
    return [*check_columns(warehouse, model), *lint_data(warehouse, model)]


def _against_schemas(root: Path, schemas: Path | None) -> Iterator[Violation]:
    if schemas is None:
        return
    files = {
        str(path): (root / path).read_text(encoding="utf-8")
        for path in generated_files(root)
        if path.name.endswith(CHECKED_SUFFIXES)
    }
    for path, message in check_schemas(files, schemas):
        yield _error("SCHEMA", Path(path), message)


def _by_the_authoring_tool(root: Path) -> Iterator[Violation]:
    """Yield what Microsoft's own checker of reports says, where it is installed."""
    for line in run_authoring_check(root / REPORTS_FOLDER) or ():
        is_error = line.startswith("error")
        yield Violation(Spot(str(REPORTS_FOLDER), ""), "AUTHORING", line, is_error)


def _error(rule: str, path: Path, message: str) -> Violation:
    return Violation(Spot(str(path), ""), rule, message, is_error=True)
