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
        yield (
            f"{table.full_name:<{width}}  {len(table.outcomes):3} rules, "
            f"{_failed(table)}{table.rows:,} rows, {table.seconds:.1f} s"
        )
    for sentence in findings.not_checked:
        yield f"not checked: {sentence}"
    for table, outcome in findings.broken():
        yield f"{_level(outcome)}: {_title(table, outcome)}: {_text(table, outcome)}"
    yield (
        f"Checked {findings.rules} rules of {len(findings.tables)} tables: "
        f"{findings.failed} failed, {findings.warned} warnings."
    )


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
        tests=str(findings.rules),
        failures=str(_count(findings.tables, "fail")),
        errors=str(_count(findings.tables, "error")),
    )
    for table in findings.tables:
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=table.full_name,
            tests=str(len(table.outcomes)),
            failures=str(_count([table], "fail")),
            errors=str(_count([table], "error")),
            skipped="0",
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
    text = NOT_XML.sub("�", _text(table, outcome))
    if outcome.status == "warn":
        ElementTree.SubElement(case, "system-out").text = f"warning: {text}"
        return
    kind = "failure" if outcome.status == "fail" else "error"
    ElementTree.SubElement(case, kind, message=text, type=outcome.rule.kind).text = text


def _count(tables: list[TableOutcome] | tuple[TableOutcome, ...], status: str) -> int:
    return sum(outcome.status == status for table in tables for outcome in table.outcomes)


def _failed(table: TableOutcome) -> str:
    failed = sum(outcome.status in ("fail", "error") for outcome in table.outcomes)
    warned = sum(outcome.status == "warn" for outcome in table.outcomes)
    words = [f"{failed} failed"] * bool(failed) + [f"{warned} warned"] * bool(warned)
    return "".join(f"{word}, " for word in words)


def _level(outcome: Outcome) -> str:
    return "warning" if outcome.status == "warn" else "error"


def _title(table: TableOutcome, outcome: Outcome) -> str:
    return f"{table.full_name} {outcome.rule.name}"


def _text(table: TableOutcome, outcome: Outcome) -> str:
    if outcome.rule.kind in ("sql",) or outcome.status == "error" or table.rows == 0:
        return outcome.explanation
    return f"{outcome.failures:,} of {table.rows:,} rows: {outcome.explanation}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
