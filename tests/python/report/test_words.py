"""Figures in words; the examples are those of the functions themselves."""

import doctest

import pytest

from la_pipeline_failure_predict.model.metrics import Estimate
from la_pipeline_failure_predict.report import words


def test_the_examples_hold() -> None:
    result = doctest.testmod(words)
    assert result.attempted > 5
    assert result.failed == 0


@pytest.mark.parametrize(
    ("metric", "found", "says"),
    [
        (
            "capture_at_0_5pct_length",
            Estimate(0.054),
            "the riskiest 0.5 % of length held 5.4 % of the year's breaks",
        ),
        (
            "capture_gain_over_past_breaks_per_km_at_10pct_length",
            Estimate(-0.013, -0.07, 0.04),
            "in the riskiest 10 % that is 1.3 points less than by past breaks per km "
            "(95 %: -7.0 to +4.0)",
        ),
        (
            "auc",
            Estimate(0.881, 0.842, 0.92),
            "of a main that broke and one that did not, 88 % of the time the one that broke "
            "ranked higher (95 %: 84 to 92 %)",
        ),
        (
            "poisson_deviance",
            Estimate(0.804),
            "mean Poisson deviance (lower is better) 0.804",
        ),
        (
            "deviance_gain_over_last_12_months_rate",
            Estimate(0.149, 0.012, 0.337),
            "that is 0.149 lower than by the last 12 months' rate (95 %: 0.012 to 0.337)",
        ),
        ("auc", Estimate(None), "AUC: not defined for so few breaks"),
    ],
)
def test_a_figure_is_said_in_words(metric: str, found: Estimate, says: str) -> None:
    assert words.describe(metric, found) == says
