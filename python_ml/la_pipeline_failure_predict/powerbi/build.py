"""Generate the Power BI files: all in memory first, then written file by file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.contracts.generated import write_drifted
from la_pipeline_failure_predict.powerbi import MADE_BY
from la_pipeline_failure_predict.powerbi.datasets import render_datasets
from la_pipeline_failure_predict.powerbi.documents import render_documents
from la_pipeline_failure_predict.powerbi.identity import guid
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
PLATFORM = ".platform"
# Folders of a semantic model or report that hold only generated files.
PARTS = ("definition", "StaticResources")


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
    """Write the files that differ, delete those that were generated once, and return their paths.

    Parameters
    ----------
    check
        Write nothing and delete nothing.
    """
    files = design.files()
    drifted = write_drifted(root, files, check)
    for path in generated_files(root):
        if path not in files:
            drifted.append(path)
            if not check:
                (root / path).unlink()
                _delete_empty(root / path.parent, root / FOLDER)
    return drifted


def generated_files(root: Path) -> list[Path]:
    """Return the files that a build wrote, by path from the project folder.

    Files that people and Power BI Desktop keep beside them are left alone.
    """
    found: list[Path] = []
    for place in (MODEL_FOLDER, REPORTS_FOLDER):
        for platform in (root / place).glob(f"*/{PLATFORM}"):
            item = platform.parent
            if is_generated(item):
                found += [item.with_suffix(".pbip"), *item.glob("*.pb*"), platform]
                found += [file for part in PARTS for file in (item / part).rglob("*")]
    texts = [*(root / MODEL_FOLDER).glob("*.md"), *(root / DATASETS_FOLDER).glob("*.sql")]
    found += [file for file in texts if MADE_BY in file.read_text(encoding="utf-8")]
    found.append(root / TEMPLATE)
    return sorted(file.relative_to(root) for file in found if file.is_file())


def is_generated(item: Path) -> bool:
    """Whether a build wrote a semantic model or report: its identifier follows from its name."""
    text = (item / PLATFORM).read_text(encoding="utf-8")
    return any(guid(kind, item.stem) in text for kind in ("report", "SemanticModel"))


def _delete_empty(folder: Path, top: Path) -> None:
    """Delete empty folders, because an empty one would look like a broken report."""
    while folder != top and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
