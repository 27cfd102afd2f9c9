"""Generate the Power BI files: all in memory first, then written file by file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.contracts.generated import write_drifted
from la_pipeline_failure_predict.powerbi.datasets import render_datasets
from la_pipeline_failure_predict.powerbi.documents import render_documents
from la_pipeline_failure_predict.powerbi.pbir import render_report
from la_pipeline_failure_predict.powerbi.pbit import render_pbit
from la_pipeline_failure_predict.powerbi.report import Report
from la_pipeline_failure_predict.powerbi.report_specification import (
    read_reports,
    read_template_page,
)
from la_pipeline_failure_predict.powerbi.specification import (
    MODEL_NAME,
    Specification,
    read_specification,
)
from la_pipeline_failure_predict.powerbi.tmdl import render_model

FOLDER = Path("powerbi")
MODEL_FOLDER = FOLDER / "model"
REPORTS_FOLDER = FOLDER / "reports"
DATASETS_FOLDER = FOLDER / "datasets"
SEMANTIC_MODEL = MODEL_FOLDER / f"{MODEL_NAME}.SemanticModel"
TEMPLATE = MODEL_FOLDER / f"{MODEL_NAME}.pbit"
# Nothing but generated files is in these: what is not generated any more is taken out.
GENERATED_FOLDERS = (MODEL_FOLDER, REPORTS_FOLDER, DATASETS_FOLDER)
# What Power BI Desktop leaves beside a report that was opened.
LEFT_BY_DESKTOP = ".pbi"


@dataclass(frozen=True)
class Design:
    """What dbt declares for Power BI: the model, and the reports on it."""

    specification: Specification
    reports: tuple[Report, ...]

    def files(self) -> dict[Path, str | bytes]:
        """Return the content of every generated file, by path from the project folder."""
        model = self.specification.model
        files: dict[Path, str | bytes] = {
            SEMANTIC_MODEL / name: text for name, text in render_model(model).items()
        }
        files[TEMPLATE] = render_pbit(model, read_template_page(self.specification, self.reports))
        for name, text in render_documents(self.specification, self.reports).items():
            files[MODEL_FOLDER / name] = text
        for report in self.reports:
            model_path = f"../../{SEMANTIC_MODEL.relative_to(FOLDER).as_posix()}"
            for name, text in render_report(report, model_path).items():
                files[REPORTS_FOLDER / name] = text
        for name, text in render_datasets(model).items():
            files[DATASETS_FOLDER / name] = text
        return files


def read_design(manifest: Mapping[str, Any]) -> Design:
    """Read what dbt declares for Power BI.

    Raises
    ------
    UserError
        If a view, metric or exposure cannot be shown in Power BI as it is declared.
    """
    specification = read_specification(manifest)
    return Design(specification, read_reports(specification))


def write_project(root: Path, design: Design, check: bool = False) -> list[Path]:
    """Write the files that differ, take out those that are left over, and return their paths.

    Parameters
    ----------
    check
        Write nothing and take nothing out.
    """
    files = design.files()
    drifted = write_drifted(root, files, check)
    for path in generated_files(root):
        if path not in files:
            drifted.append(path)
            if not check:
                (root / path).unlink()
    return drifted


def generated_files(root: Path) -> list[Path]:
    """Return what is in the folders of generated files, by path from the project folder."""
    found = (file for folder in GENERATED_FOLDERS for file in (root / folder).rglob("*"))
    paths = (file.relative_to(root) for file in found if file.is_file())
    return sorted(path for path in paths if LEFT_BY_DESKTOP not in path.parts)
