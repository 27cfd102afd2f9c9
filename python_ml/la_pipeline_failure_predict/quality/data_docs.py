"""Great Expectations' Data Docs as files that need no network and no script.

Its page template loads styles, fonts and scripts from the network. Here its own renderers make the
pages, what they load is taken out, and a small style sheet beside the pages takes its place.
"""

import html
import re
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from la_pipeline_failure_predict.quality.findings import Findings, TableOutcome

STYLE = "data_docs.css"
# Scripts, what is loaded from elsewhere, and the navigation that does nothing without scripts.
TAKEN_OUT = (
    re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<link\b[^>]*>", re.IGNORECASE),
    re.compile(r"<style\b.*?</style\s*>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<img\b[^>]*>", re.IGNORECASE),
    re.compile(r"<nav\b.*?</nav\s*>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<a data-toggle=.*?</a\s*>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<footer\b.*?</footer\s*>", re.DOTALL | re.IGNORECASE),
)
STATUS_WORDS = {"pass": "passed", "warn": "warning", "fail": "failed", "error": "not evaluated"}


def write_data_docs(findings: Findings, folder: Path) -> Path:
    """Write a page per table and an index, replacing those of the check before.

    Returns
    -------
    Path of the index.
    """
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    style = resources.files("la_pipeline_failure_predict.quality").joinpath(STYLE)
    (fresh / STYLE).write_text(style.read_text(encoding="utf-8"), encoding="utf-8")
    for table in findings.tables:
        page = fresh / f"{table.full_name}.html"
        page.write_text(_table_page(table), encoding="utf-8")
    (fresh / "index.html").write_text(_index_page(findings), encoding="utf-8")
    _replace(folder, fresh)
    return folder / "index.html"


def _replace(folder: Path, fresh: Path) -> None:
    """Put the new pages where the old ones are; nothing but pages is ever removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.html"), folder / STYLE):
        old.unlink(missing_ok=True)
    for page in fresh.iterdir():
        page.replace(folder / page.name)
    fresh.rmdir()


def _table_page(table: TableOutcome) -> str:
    back = '<p><a href="index.html">All tables</a></p>'
    summary = f"<h1>{html.escape(table.full_name)}</h1>{_outcome_table(table)}"
    if table.validation is None:
        return _shell(table.full_name, back + summary)
    return _shell(table.full_name, f"{back}{summary}<h2>Expectations</h2>{_expectations(table)}")


def _expectations(table: TableOutcome) -> str:
    """Return Great Expectations' own page of a table, without what needs a network or a script."""
    document = ValidationResultsPageRenderer().render(table.validation)
    page = DefaultJinjaPageView().render(document)
    for unwanted in TAKEN_OUT:
        page = unwanted.sub("", page)
    # The first section and what comes before it say again what stands above.
    start = page.find('<div id="section-2"')
    return page[start : page.rindex("</body>")] if start >= 0 else ""


def _outcome_table(table: TableOutcome) -> str:
    """Return the rules that are not well, worst first, as a table."""
    broken = table.broken()
    if not broken:
        return f"<p>{table.rows:,} rows; all {len(table.outcomes)} rules hold.</p>"
    rows = "".join(
        f'<tr class="{outcome.status}"><td>{STATUS_WORDS[outcome.status]}</td>'
        f"<td>{html.escape(outcome.rule.name)}</td><td>{outcome.failures:,}</td>"
        f"<td>{html.escape(outcome.explanation)}</td></tr>"
        for outcome in broken
    )
    return (
        f"<p>{table.rows:,} rows; {len(broken)} of {len(table.outcomes)} rules do not hold.</p>"
        f"<table><tr><th>Status</th><th>Rule</th><th>Failures</th><th>What is wrong</th></tr>"
        f"{rows}</table>"
    )


def _index_page(findings: Findings) -> str:
    rows = "".join(_index_rows(findings))
    left_out = "".join(f"<li>{html.escape(text)}</li>" for text in findings.not_checked)
    notes = f"<h2>Not checked</h2><ul>{left_out}</ul>" if left_out else ""
    return _shell(
        "Data Docs",
        f"<h1>Checks of the {html.escape(findings.label)}</h1>"
        f"<p>{findings.rules} rules of {len(findings.tables)} tables: {findings.failed} failed, "
        f"{findings.warned} warnings.</p>"
        "<table><tr><th>Table</th><th>Status</th><th>Rules</th><th>Failed</th><th>Warnings</th>"
        f"<th>Rows</th><th>Seconds</th></tr>{rows}</table>{notes}",
    )


def _index_rows(findings: Findings) -> Iterator[str]:
    for table in findings.tables:
        warned = sum(outcome.status == "warn" for outcome in table.outcomes)
        failed = len(table.broken()) - warned
        status = "fail" if failed else "warn" if warned else "pass"
        name = html.escape(table.full_name)
        yield (
            f'<tr class="{status}"><td><a href="{name}.html">{name}</a></td>'
            f"<td>{STATUS_WORDS[status]}</td><td>{len(table.outcomes)}</td><td>{failed}</td>"
            f"<td>{warned}</td><td>{table.rows:,}</td><td>{table.seconds:.1f}</td></tr>"
        )


def _shell(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)}</title><link rel="stylesheet" href="{STYLE}"></head>'
        f"<body>{body}</body></html>\n"
    )
