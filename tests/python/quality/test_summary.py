"""Annotations and JUnit reports hold whatever text a delivery holds."""

from pathlib import Path
from xml.etree import ElementTree

from la_pipeline_failure_predict.quality.findings import Findings, Outcome, TableOutcome
from la_pipeline_failure_predict.quality.summary import github_lines, text_lines, write_junit
from la_pipeline_failure_predict.tables import Bound, Rule

RULE = Rule("codes", "codes", "error", "100% of it, or: none", "kind", "kind <> 'x'")
SOFT = Rule(
    "share",
    "required",
    "warning",
    "is missing",
    "kind",
    "kind is null",
    bound=Bound(upper=10),
    is_share=True,
)


def findings() -> Findings:
    outcomes = (
        Outcome(RULE, "fail", 2, examples=("'a\nb,c'", "'\x00<&\"'")),
        Outcome(SOFT, "warn", 3, 30.0),
    )
    return Findings("test", (TableOutcome("raw", "pipes", 10, 0.25, outcomes, None),))


def test_annotations_escape_what_workflow_commands_reserve() -> None:
    error, warning = github_lines(findings())
    assert error == (
        "::error title=raw.pipes codes::2 of 10 rows: 100%25 of it, or: none; for example "
        "'a%0Ab,c', '\x00<&\"'"
    )
    assert warning == (
        "::warning title=raw.pipes share::3 of 10 rows: is missing (30 %25 of the rows, must be "
        "at most 10)"
    )


def test_junit_is_xml_whatever_the_values(tmp_path: Path) -> None:
    write_junit(findings(), tmp_path / "new" / "check.xml")
    root = ElementTree.parse(tmp_path / "new" / "check.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "1", "0")
    failed, warned = root.iter("testcase")
    assert "'a\nb,c'" in failed.find("failure").text
    assert warned.find("failure") is None
    assert warned.find("system-out").text.startswith("warning: 3 of 10 rows")


def test_text_lists_failures_before_warnings() -> None:
    lines = list(text_lines(findings()))
    assert lines[0] == "raw.pipes    2 rules, 1 failed, 1 warned, 10 rows, 0.2 s"
    assert [line.split(":")[0] for line in lines[1:3]] == ["error", "warning"]
    assert lines[-1] == "Checked 2 rules of 1 tables: 1 failed, 1 warnings."
