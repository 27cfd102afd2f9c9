"""Pictures of the report pages, so that a reader sees what Power BI will show."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import atomic_write
from la_pipeline_failure_predict.powerbi.preview.rows import read_page
from la_pipeline_failure_predict.powerbi.report import Report
from la_pipeline_failure_predict.warehouse import Warehouse

if TYPE_CHECKING:
    from la_pipeline_failure_predict.powerbi.build import Design


def draw_pages(
    warehouse: Warehouse, design: "Design", folder: Path, reports: Collection[str] = ()
) -> list[Path]:
    """Draw each page of the reports as a PNG, and return the files.

    Parameters
    ----------
    reports
        Names of the reports; all where empty.

    Raises
    ------
    UserError
        If matplotlib is not installed, there is no report of a name, or the views are not built.
    """
    try:
        from la_pipeline_failure_predict.powerbi.preview.draw import draw_page
    except ImportError:
        raise UserError(
            'Pictures need matplotlib: pip install "la_pipeline_failure_predict[report]".'
        ) from None
    dates, _ = design.specification.star.dates
    if not warehouse.has_table(design.specification.star.schema, dates):
        raise UserError("The warehouse has no views for Power BI: run la-pipes build first.")
    files = []
    for report in _chosen(design.reports, reports):
        for page in report.pages:
            file = folder / page_file(report.name, page.name)
            rows = read_page(warehouse, design.specification, page)
            with atomic_write(file, "wb") as picture:
                draw_page(report, page, rows, picture)
            files.append(file)
    return files


def page_file(report: str, page: str) -> str:
    """Return the name of the picture of a page."""
    return f"{report}_{re.sub(r'[^a-z0-9]+', '_', page.lower()).strip('_')}.png"


def _chosen(reports: Collection[Report], names: Collection[str]) -> list[Report]:
    known = {report.name: report for report in reports}
    for name in names:
        if name not in known:
            raise UserError(f"There is no report {name}: name one of {', '.join(known)}.")
    return [report for report in reports if not names or report.name in names]
