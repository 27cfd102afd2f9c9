import numpy as np
import pytest

from la_pipeline_failure_predict.model.data import Factor, Frame
from la_pipeline_failure_predict.model.design import (
    Design,
    Number,
    Term,
    fit_terms,
    linear_predictor,
    matrix,
    term_values,
)


@pytest.fixture
def frame():
    return Frame(
        period=np.zeros(4, np.int32),
        numbers={
            "count": np.array([0, 1, 3, np.nan], np.float32),
            "years": np.array([2.0, 4.0, 0.0, 5.0]),
            "length": np.array([10.0, 100.0, 1000.0, 0.0]),
        },
        factors={
            "material": Factor(np.array([0, 1, 0, -1], np.int32), ("cast_iron", "steel")),
            "era": Factor(np.array([0, 0, 1, 1], np.int32), ("old", "new")),
        },
        weight=np.ones(4, np.float32),
    )


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (Term(None, "intercept"), [1, 1, 1, 1]),
        (Term("material", "indicator", "cast_iron"), [1, 0, 1, 0]),
        (Term("material", "indicator", "clay"), [0, 0, 0, 0]),
        (Term("material*era", "indicator", "cast_iron*new"), [0, 0, 1, 0]),
        (Term("count", "missing"), [0, 0, 0, 1]),
        (Term("count", "linear", center=1, scale=2), [-0.5, 0, 1, 0]),
        (Term("count", "log1p", scale=2), [0, np.log(2) / 2, np.log(2), 0]),
        (Term("length", "log", center=np.log(10)), [0, np.log(10), np.log(100), 0]),
        (Term("count/years", "linear"), [0, 0.25, 0, 0]),
        (Term("count/years", "missing"), [0, 0, 1, 1]),
    ],
)
def test_each_transform_by_hand(frame, term, expected):
    np.testing.assert_allclose(term_values(term, frame), expected)


def test_rare_levels_join_the_most_exposed_one_as_reference(frame):
    rows = np.array([0, 1, 2])
    exposure = np.array([5.0, 1.0, 4.0])
    design = Design(levels=("material", "era"), numbers=(), least_expected_breaks=2.0)
    terms = fit_terms(design, frame, rows, np.array([4.0, 2.0, 4.0]), exposure)
    # Steel expects 1 break: rare. Old and new expect 6 and 4.
    assert [term.name for term in terms] == ["intercept", "era=new"]


def test_numbers_are_standardised_and_constants_dropped(frame):
    frame.numbers["same"] = np.full(4, 7.0)
    frame.numbers["null"] = np.full(4, np.nan)
    design = Design((), (Number("years"), Number("same"), Number("null"), Number("count")), 1.0)
    rows, ones = np.arange(4), np.ones(4)
    terms = fit_terms(design, frame, rows, ones, ones)
    assert [term.name for term in terms] == [
        "intercept",
        "years",
        "count",
        "missing(count)",
    ]
    columns = matrix(terms, frame, rows, np.float64)
    assert columns[:, 0].mean() == pytest.approx(0)
    assert columns[:, 0].std() == pytest.approx(1)


def test_the_log_rate_is_the_sum_of_coefficients_times_terms(frame):
    terms = (Term(None, "intercept"), Term("years", "linear", center=1, scale=2))
    eta = linear_predictor(terms, (0.5, 2.0), frame, np.array([3, 0]))
    np.testing.assert_allclose(eta, [0.5 + 2 * 2, 0.5 + 2 * 0.5])
