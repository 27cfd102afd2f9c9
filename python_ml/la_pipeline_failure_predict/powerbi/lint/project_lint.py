"""Lint the files of a Power BI project."""

from collections.abc import Sequence
from pathlib import Path

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.lint import (
    rules_dax,
    rules_files,
    rules_names,
    rules_objects,
    rules_report,
    rules_star,
    rules_visuals,
)
from la_pipeline_failure_predict.powerbi.lint.project import Project
from la_pipeline_failure_predict.powerbi.lint.rules import (
    Spot,
    Violation,
    Waiver,
    without_waived,
)
from la_pipeline_failure_predict.powerbi.lint.waivers import WAIVERS
from la_pipeline_failure_predict.powerbi.pbir_reader import REPORT_SUFFIX, read_report_files
from la_pipeline_failure_predict.powerbi.tmdl_reader import read_model

BOOKS = tuple(
    module.book
    for module in (
        rules_files,
        rules_names,
        rules_objects,
        rules_star,
        rules_dax,
        rules_report,
        rules_visuals,
    )
)
UNREADABLE = "UNREADABLE"
MODEL_SUFFIX = ".SemanticModel"


def lint_project(folder: Path, waivers: Sequence[Waiver] = WAIVERS) -> list[Violation]:
    """Return where the files of a project break a rule, in the order of the files.

    Parameters
    ----------
    folder
        Folder of the project, with the semantic model and the reports anywhere below it.
    waivers
        Rules that are waived; one that covers nothing is reported as well.

    Raises
    ------
    UserError
        If the folder holds no semantic model, or several.
    """
    model_folder = _model_folder(folder)
    try:
        project = _read_project(folder, model_folder)
    except UserError as error:
        # What cannot be read cannot be judged, so it is reported alone.
        return [Violation(Spot(folder.name, ""), UNREADABLE, str(error), is_error=True)]
    found = (one for book in BOOKS for one in book.violations(project))
    return without_waived(found, waivers)


def _read_project(folder: Path, model_folder: Path) -> Project:
    reports = [
        report
        for parent in sorted({path.parent for path in folder.rglob(f"*{REPORT_SUFFIX}")})
        for report in read_report_files(parent)
    ]
    return Project(folder, model_folder, read_model(model_folder), tuple(reports))


def _model_folder(folder: Path) -> Path:
    found = sorted(folder.rglob(f"*{MODEL_SUFFIX}"))
    if len(found) != 1:
        raise UserError(
            f"{folder} holds {len(found)} folders {MODEL_SUFFIX}, not one: run la-pipes powerbi "
            "build, or name the folder of the project."
        )
    return found[0]
