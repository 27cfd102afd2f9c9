"""What dbt's tests have found, in sentences."""

import pytest

from la_pipeline_failure_predict.dbt_runner import NodeResult
from la_pipeline_failure_predict.report.dbt_lines import describe_finding


def found(name: str, failures: int, status: str = "warn", kept_in: str | None = None) -> NodeResult:
    return NodeResult(name, "test", status, f"Got {failures} results", "", failures, kept_in, 0.1)


def figure(name: str, segment: str, value: float, lower: float | None, upper: float | None) -> dict:
    return {
        "figure": name,
        "segment": segment,
        "figure_value": value,
        "lower_bound": lower,
        "upper_bound": upper,
        "reason": "check its unit in the mapping.",
    }


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            figure("median_diameter_mm", "pipes", 8.0, 75.0, 1500.0),
            "WARN median diameter of pipes is 8 mm, below 75 mm: check its unit in the mapping.",
        ),
        (
            figure("unknown_material_share", "pipes", 0.312, None, 0.2),
            "WARN unknown material share of pipes is 31.2 %, above 20 %: "
            "check its unit in the mapping.",
        ),
        (
            figure("yearly_break_ratio", "all", 2.5, 0.5, 2.0),
            "WARN yearly break ratio is 2.5, above 2: check its unit in the mapping.",
        ),
    ],
)
def test_a_figure_out_of_bounds_is_named_with_its_bound(row: dict, says: str) -> None:
    assert list(describe_finding(found("plausible_figures_warnings", 1), [row])) == [says]


def test_more_figures_than_are_shown_are_counted() -> None:
    row = figure("monthly_breaks", "2021-07", 90.0, 10.0, 60.0)
    lines = list(describe_finding(found("plausible", 7, "fail", '"quality"."plausible"'), [row]))
    assert lines[0].startswith("FAIL monthly breaks of 2021-07 is 90, above 60: ")
    assert lines[1:] == ['and 6 more: select * from "quality"."plausible"']


def test_a_broken_rule_of_a_contract_is_named() -> None:
    row = {"rule": "share_without_a_main", "row_count": 2670, "figure": 0.23}
    lines = list(describe_finding(found("meets_contract_raw_breaks_warnings", 1), [row]))
    assert lines == [
        "WARN meets_contract_raw_breaks_warnings: share without a main is 0.23 over 2,670 rows"
    ]


def test_any_other_test_says_what_dbt_says() -> None:
    lines = list(describe_finding(found("unique_pipe_id", 2, "fail"), []))
    assert lines == ["FAIL unique_pipe_id: Got 2 results"]
