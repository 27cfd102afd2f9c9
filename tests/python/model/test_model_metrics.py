import numpy as np
import pytest

from la_pipeline_failure_predict.model import metrics
from la_pipeline_failure_predict.model.baselines import (
    area_expectations,
    pipe_rankings,
    position_score,
)
from la_pipeline_failure_predict.model.data import Frame

# Five mains of 1000 m in all, riskiest by breaks per meter: b (.04), then a and d (.01, tied).
LENGTH = np.array([100.0, 50.0, 400.0, 300.0, 150.0])
BREAKS = np.array([1.0, 2.0, 1.0, 3.0, 0.0])
RISK = np.array([0.01, 0.04, 0.001, 0.01, 0.002])


def frame(**numbers):
    columns = {name: np.asarray(values, dtype=float) for name, values in numbers.items()}
    rows = len(next(iter(columns.values())))
    return Frame(np.zeros(rows, np.int32), columns, {}, np.ones(rows, np.float32))


def test_capture_by_hand():
    found = metrics.capture(metrics.rank(RISK), LENGTH, BREAKS, [0.025, 0.05, 0.25, 0.45, 1.0])
    # 25 of b's 50 m; all of b; 200 of the 400 tied meters, with half of their 4 breaks; all of
    # them; everything.
    np.testing.assert_allclose(found * 7, [1, 2, 4, 6, 7])


def test_capture_does_not_depend_on_the_order_of_tied_rows():
    there = metrics.capture(metrics.rank(RISK), LENGTH, BREAKS)
    back = metrics.capture(metrics.rank(RISK[::-1]), LENGTH[::-1], BREAKS[::-1])
    np.testing.assert_allclose(there, back)


def test_a_ranking_that_ties_everything_catches_the_share_of_length():
    found = metrics.capture(metrics.rank(np.zeros(5)), LENGTH, BREAKS)
    np.testing.assert_allclose(found, metrics.SHARES)


def test_capture_without_a_break_is_not_defined():
    assert np.isnan(metrics.capture(metrics.rank(RISK), LENGTH, np.zeros(5))).all()


def test_unknown_ages_are_renewed_last():
    ranking = metrics.rank(np.array([50.0, np.nan, 80.0]))
    assert ranking.order.tolist() == [2, 0, 1]


def test_past_breaks_per_km_breaks_ties_by_age():
    mains = frame(length_m=[100, 100, 100, 50], age_years=[10, 90, 40, 5], breaks_ever=[0, 0, 1, 1])
    rankings = pipe_rankings(mains, np.arange(4), seed=1)
    assert rankings["past_breaks_per_km"].order.tolist() == [3, 2, 1, 0]
    assert position_score(rankings["past_breaks_per_km"]).tolist() == [-3, -2, -1, 0]


def test_what_the_riskiest_metres_take_of_each_main():
    at = np.flatnonzero(BREAKS > 0)  # a b c d
    found = metrics.taken_parts(metrics.rank(RISK), LENGTH, at, [0.025, 0.25, 0.5])
    # 25 m: half of b. 250 m: b, and half of the tied 400 m of a and d. 500 m: c is not reached.
    np.testing.assert_allclose(found, [[0, 0.5, 1], [0.5, 1, 1], [0, 0, 0], [0, 0.5, 1]])


def test_the_mean_share_of_lower_rows_is_the_auc():
    score, at = np.array([0.9, 0.4, 0.4, 0.1, 0.7]), np.array([0, 2])
    breaks = np.array([1.0, 0, 2, 0, 0])
    found = metrics.above_rows_without_break(score, breaks, at)
    np.testing.assert_allclose(found, [1, 0.5])  # the third ties with one and beats one of three
    assert found.mean() == pytest.approx(metrics.auc(score, breaks).value)


def test_bootstrap_keeps_the_rows_of_a_main_together_and_is_seeded():
    mains = np.array([7, 7, 9, 11], dtype=np.uint64)
    drawn = metrics.resample(mains, 50, seed=3)
    np.testing.assert_array_equal(drawn[:, 0], drawn[:, 1])
    np.testing.assert_array_equal(drawn[:, [0, 2, 3]].sum(axis=1), np.full(50, 3))
    np.testing.assert_array_equal(drawn, metrics.resample(mains, 50, seed=3))
    assert np.ptp(drawn[:, 2]) > 0


def test_means_of_resamples_by_hand():
    drawn = np.array([[1.0, 1, 1], [0, 3, 0], [0, 0, 0]])
    found = metrics.weighted_means(drawn, np.array([[3.0, 0], [6, 1], [9, 0]]))
    np.testing.assert_allclose(found[:2], [[6, 1 / 3], [6, 1]])
    assert np.isnan(found[2]).all()


def test_observed_over_expected_has_garwoods_interval():
    # Ten events: 4.795 to 18.390 in every table of exact Poisson limits.
    found = metrics.observed_over_expected(np.full(5, 1.0), np.array([10.0, 0, 0, 0, 0]))
    assert found.value == 2
    assert found.lower == pytest.approx(4.795 / 5, abs=1e-3)
    assert found.upper == pytest.approx(18.390 / 5, abs=1e-3)


@pytest.mark.parametrize("stretch", [1.0, 2.0])
def test_calibration_slope_finds_predictions_that_are_too_extreme(stretch):
    generator = np.random.default_rng(5)
    expected = np.exp(generator.normal(-2, 1, 50_000))
    breaks = generator.poisson(expected).astype(float)
    found = metrics.calibration_slope(expected**stretch, breaks)
    assert found.lower < 1 / stretch < found.upper
    assert found.value == pytest.approx(1 / stretch, abs=0.03)


def test_brier_skill_is_zero_for_the_share_of_rows_with_a_break():
    breaks = np.array([1.0, 0, 0, 0])
    same = np.full(4, -np.log(0.75))
    assert metrics.brier_skill(same, breaks).value == pytest.approx(0)
    assert metrics.brier_skill(np.array([50.0, 0, 0, 0]), breaks).value == pytest.approx(1)


def test_mean_deviance_is_the_mean_of_its_parts():
    expected = np.array([0.5, 2.0, 1.0])
    breaks = np.array([0.0, 3.0, 1.0])
    parts = metrics.deviance_parts(expected, breaks)
    np.testing.assert_allclose(parts, [1.0, 2 * (3 * np.log(1.5) - 1), 0.0])
    assert metrics.poisson_deviance(expected, breaks).value == pytest.approx(parts.mean())


@pytest.mark.parametrize("breaks", [np.zeros(3), np.ones(3)])
def test_a_single_class_has_no_auc(breaks):
    score = np.array([0.1, 0.2, 0.3])
    assert metrics.auc(score, breaks).value is None
    assert metrics.pr_auc(score, breaks).value is None


def test_area_rules_by_hand():
    months = frame(
        same_month_mean=[3.0, np.nan, 0.0],
        months_observed=[30, 6, 30],
        breaks_ever=[60, 3, 0],
        breaks_prior_12m=[24, 3, 0],
    )
    rules = area_expectations(months, np.arange(3))
    np.testing.assert_allclose(rules["same_month_mean"], [3.0, 0.5, 0.25])
    np.testing.assert_allclose(rules["last_12_months_rate"], [2.0, 0.5, 0.5 / 12])
