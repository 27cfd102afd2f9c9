"""Lint the files of a Power BI project."""

import logging
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
from la_pipeline_failure_predict.powerbi.pbir_reader import REPORT_SUFFIX, read_reports
from la_pipeline_failure_predict.powerbi.tmdl_reader import read_model

log = logging.getLogger(__name__)
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
        Rules that are let go; one that covers nothing is told as well.

    Raises
    ------
    UserError
        If the folder holds no semantic model, or several.
    """
    model_folder = _model_folder(folder)
    try:
        reports = [
            report
            for parent in sorted({path.parent for path in folder.rglob(f"*{REPORT_SUFFIX}")})
            for report in read_reports(parent)
        ]
        project = Project(folder, model_folder, read_model(model_folder), tuple(reports))
        found = [one for book in BOOKS for one in book.violations(project)]
    except UserError as error:
        return [_unreadable(folder, str(error))]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        log.debug("cannot lint %s", folder, exc_info=error)
        return [
            _unreadable(
                folder,
                f"A file of the reports is not laid out as Power BI does it ({error!r}): run "
                "la-pipes powerbi build.",
            )
        ]
    return without_waived(found, waivers)


def _unreadable(folder: Path, message: str) -> Violation:
    # What cannot be read cannot be judged, so it is told alone.
    return Violation(Spot(folder.name, ""), UNREADABLE, message, is_error=True)


def _model_folder(folder: Path) -> Path:
    found = sorted(folder.rglob(f"*{MODEL_SUFFIX}"))
    if len(found) != 1:
        raise UserError(
            f"{folder} holds {len(found)} folders {MODEL_SUFFIX}, not one: run la-pipes powerbi "
            "build, or name the folder of the project."
        )
    return found[0]
