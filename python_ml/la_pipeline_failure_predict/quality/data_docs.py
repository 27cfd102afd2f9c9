"""Great Expectations' Data Docs as files that need no network and no script.

Its own page template loads styles, fonts and scripts from the network, so what its renderer says is
put into templates of ours; they are in the folder `templates`.
"""

import shutil
from pathlib import Path

from great_expectations.render import RenderedDocumentContent
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from la_pipeline_failure_predict.quality.findings import Findings, TableOutcome

TEMPLATES = Path(__file__).with_name("templates")
STATUS_WORDS = {"pass": "passed", "warn": "warning", "fail": "failed", "error": "not evaluated"}


def write_data_docs(findings: Findings, folder: Path) -> Path:
    """Write a page per checked table and an index, replacing those of the check before.

    Returns
    -------
    Path of the index.
    """
    view = DefaultJinjaPageView(custom_views_directory=str(TEMPLATES))
    pages = {
        table.full_name: view.render(
            _document(table), "table.html", table=table, words=STATUS_WORDS
        )
        for table in findings.checked
    }
    index = RenderedDocumentContent(sections=[])
    pages["index"] = view.render(index, "index.html", findings=findings, words=STATUS_WORDS)
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, text in pages.items():
        (fresh / f"{name}.html").write_text(text, encoding="utf-8")
    _replace(folder, fresh)
    return folder / "index.html"


def _document(table: TableOutcome) -> RenderedDocumentContent:
    if table.validation is None:
        return RenderedDocumentContent(sections=[])
    return ValidationResultsPageRenderer().render(table.validation)


def _replace(folder: Path, fresh: Path) -> None:
    """Put the new pages where the old ones are; nothing but pages is ever removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.html"):
        old.unlink()
    for page in fresh.iterdir():
        page.replace(folder / page.name)
    fresh.rmdir()
