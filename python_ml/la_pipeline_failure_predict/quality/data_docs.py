"""Great Expectations' Data Docs as files that need no network and no script.

Its own page template loads styles, fonts and scripts from the network, so what its renderer says is
put into templates of ours; they are in the folder `templates`.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from great_expectations.render import RenderedDocumentContent
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.quality.findings import Findings, TableOutcome

TEMPLATES = Path(__file__).with_name("templates")
INDEX_TITLE = b"<title>Data Docs</title>"
GENERATOR = b'<meta name="generator" content="la-pipes check">'
STATUS_WORDS = {"pass": "passed", "warn": "warning", "fail": "failed", "error": "not evaluated"}


def write_data_docs(findings: Findings, folder: Path) -> Path:
    """Write a page per checked table and an index, replacing those of the check before.

    Returns
    -------
    Path of the index.

    Raises
    ------
    UserError
        If the folder holds something else, or cannot be written.
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
    check_folder(folder)
    try:
        _replace(folder, pages)
    except OSError as error:
        raise UserError(
            f"Cannot write Data Docs to {folder} ({error.strerror or error}): check that it can be "
            "written and has space, or name another folder with --docs."
        ) from None
    return folder / "index.html"


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds something else than Data Docs.

    Raises
    ------
    UserError
        If it does, or is no folder.
    """
    index = folder / "index.html"
    try:
        is_ours = not folder.exists() or not any(folder.iterdir())
        is_ours = is_ours or (index.is_file() and INDEX_TITLE in index.read_bytes())
    except OSError as error:
        raise UserError(
            f"{folder} cannot be read ({error.strerror}): name another folder with --docs."
        ) from None
    if not is_ours:
        raise UserError(f"{folder} holds other files: name an empty folder with --docs.")


def _document(table: TableOutcome) -> RenderedDocumentContent:
    if table.validation is None:
        return RenderedDocumentContent(sections=[])
    return ValidationResultsPageRenderer().render(table.validation)


def _replace(folder: Path, pages: Mapping[str, str]) -> None:
    """Put new pages where the old ones are; nothing but our own pages is ever removed."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".new-") as fresh:
        for name, text in pages.items():
            (Path(fresh) / f"{name}.html").write_text(text, encoding="utf-8")
        for old in folder.glob("*.html"):
            if old.is_file() and GENERATOR in old.read_bytes():
                old.unlink()
        for page in Path(fresh).iterdir():
            page.replace(folder / page.name)
