"""Say what a check found: as text, as annotations of a GitHub workflow, as JUnit XML."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from la_pipeline_failure_predict.files import atomic_write
from la_pipeline_failure_predict.quality.findings import Findings, Outcome, TableOutcome

# Characters that XML 1.0 cannot hold, even escaped.
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def text_lines(findings: Findings) -> Iterator[str]:
    """Yield a line per table, then failures, warnings, and the total."""
    width = max((len(table.full_name) for table in findings.tables), default=0)
    for table in findings.tables:
        yield f"{table.full_name:<{width}}  {_table_text(table)}"
    for sentence in findings.not_checked:
        yield f"not checked: {sentence}"
    for table, outcome in findings.broken():
        yield f"{_level(outcome)}: {_title(table, outcome)}: {_text(table, outcome)}"
    yield (
        f"Checked {findings.rules} rules of {len(findings.checked)} tables: "
        f"{findings.failed} failed, {findings.warned} warnings."
    )


def _table_text(table: TableOutcome) -> str:
    if table.status == "skip":
        return "not checked: no rows"
    words = [f"{table.count('fail', 'error')} failed"] * bool(table.count("fail", "error"))
    words += [f"{table.count('warn')} warned"] * bool(table.count("warn"))
    counts = "".join(f"{word}, " for word in words)
    return f"{table.rules:3} rules, {counts}{table.rows:,} rows, {table.seconds:.1f} s"


def github_lines(findings: Findings) -> Iterator[str]:
    """Yield workflow commands that annotate the run, with what they reserve escaped."""
    for table, outcome in findings.broken():
        title = _escape(_title(table, outcome)).replace(":", "%3A").replace(",", "%2C")
        yield f"::{_level(outcome)} title={title}::{_escape(_text(table, outcome))}"


def write_junit(findings: Findings, path: Path) -> None:
    """Write a JUnit report: one suite per table, one case per rule; a warning is a passed case."""
    root = ElementTree.Element(
        "testsuites",
        name="la-pipes check",
        tests=str(sum(len(table.outcomes) for table in findings.tables)),
        failures=str(sum(table.count("fail") for table in findings.tables)),
        errors=str(sum(table.count("error") for table in findings.tables)),
    )
    for table in findings.tables:
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=table.full_name,
            tests=str(len(table.outcomes)),
            failures=str(table.count("fail")),
            errors=str(table.count("error")),
            skipped=str(table.count("skip")),
            time=f"{table.seconds:.3f}",
        )
        for outcome in table.outcomes:
            _add_case(suite, table, outcome)
    ElementTree.indent(root)
    with atomic_write(path, "wb") as file:
        ElementTree.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)


def _add_case(suite: ElementTree.Element, table: TableOutcome, outcome: Outcome) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=table.full_name, name=outcome.rule.name
    )
    if outcome.status == "pass":
        return
    if outcome.status == "skip":
        ElementTree.SubElement(case, "skipped", message="nothing to judge")
        return
    text = NOT_XML.sub("�", _text(table, outcome))
    if outcome.status == "warn":
        ElementTree.SubElement(case, "system-out").text = f"warning: {text}"
        return
    kind = "failure" if outcome.status == "fail" else "error"
    ElementTree.SubElement(case, kind, message=text, type=outcome.rule.kind).text = text


def _level(outcome: Outcome) -> str:
    return "warning" if outcome.status == "warn" else "error"


def _title(table: TableOutcome, outcome: Outcome) -> str:
    return f"{table.full_name} {outcome.rule.name}"


def _text(table: TableOutcome, outcome: Outcome) -> str:
    if outcome.rule.kind == "sql" or outcome.status == "error" or table.rows == 0:
        return outcome.explanation
    return f"{outcome.failures:,} of {table.rows:,} rows: {outcome.explanation}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
