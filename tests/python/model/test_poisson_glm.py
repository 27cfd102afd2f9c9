import doctest

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from la_pipeline_failure_predict.model import poisson_glm
from la_pipeline_failure_predict.model.poisson_glm import PoissonGLM


def newton(design, counts, exposure, penalty):
    """Maximize the textbook likelihood of counts with a log-exposure offset."""
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(counts.sum() / exposure.sum())
    ridge = penalty * np.diag([0.0] + [1.0] * (design.shape[1] - 1))
    for _ in range(50):
        mean = np.exp(design @ beta + np.log(exposure))
        gradient = design.T @ (counts - mean) - ridge @ beta
        beta = beta + np.linalg.solve((design.T * mean) @ design + ridge, gradient)
    return beta


@pytest.fixture
def sample():
    generator = np.random.default_rng(7)
    columns = generator.normal(size=(20_000, 3))
    exposure = generator.uniform(0.01, 0.3, 20_000)
    counts = generator.poisson(exposure * np.exp(-1 + columns @ [0.5, -0.3, 0.0]))
    return columns, counts, exposure


@pytest.mark.parametrize("penalty", [0.0, 1.0, 50.0])
def test_equals_the_textbook_fit_with_an_offset(sample, penalty):
    columns, counts, exposure = sample
    model = PoissonGLM(penalty=penalty, tolerance=1e-10).fit(columns, counts, exposure)
    design = np.column_stack([np.ones(len(counts)), columns])
    expected = newton(design, counts, exposure, penalty)
    np.testing.assert_allclose([model.intercept_, *model.coef_], expected, atol=1e-9)


def test_recovers_the_coefficients_the_breaks_came_from(sample):
    model = PoissonGLM().fit(*sample)
    np.testing.assert_allclose(model.coef_, [0.5, -0.3, 0.0], atol=0.08)
    assert model.intercept_ == pytest.approx(-1, abs=0.08)


def test_expects_as_many_breaks_as_it_saw(sample):
    columns, counts, exposure = sample
    model = PoissonGLM(tolerance=1e-10).fit(columns, counts, exposure)
    assert model.predict(columns, exposure).sum() == pytest.approx(counts.sum())


def test_the_unit_of_exposure_changes_the_intercept_only(sample):
    columns, counts, exposure = sample
    in_km = PoissonGLM().fit(columns, counts, exposure)
    in_m = PoissonGLM().fit(columns, counts, exposure * 1000)
    np.testing.assert_allclose(in_m.coef_, in_km.coef_, atol=1e-7)
    assert in_m.intercept_ == pytest.approx(in_km.intercept_ - np.log(1000))


def test_a_weight_of_two_is_the_row_twice(sample):
    columns, counts, exposure = (part[:3000] for part in sample)
    weight = np.where(np.arange(3000) < 1000, 2, 1)
    repeated = np.repeat(np.arange(3000), weight)
    once = PoissonGLM(tolerance=1e-10).fit(columns, counts, exposure, weight)
    twice = PoissonGLM(tolerance=1e-10).fit(columns[repeated], counts[repeated], exposure[repeated])
    np.testing.assert_allclose(once.coef_, twice.coef_, atol=1e-9)


def test_keeps_scikit_learns_conventions():
    model = clone(PoissonGLM(penalty=3.0))
    assert model.get_params()["penalty"] == 3.0
    with pytest.raises(NotFittedError):
        model.predict(np.zeros((1, 1)))


@pytest.mark.parametrize(
    ("counts", "exposure", "message"),
    [([0, 0], [1, 1], "no count"), ([1, 0], [1, 0], "exposure"), ([1, 0], [1], "exposure")],
)
def test_refuses_what_has_no_rate(counts, exposure, message):
    with pytest.raises(ValueError, match=message):
        PoissonGLM().fit(np.zeros((2, 1)), counts, exposure)


def test_examples_in_docstrings_hold():
    assert doctest.testmod(poisson_glm).failed == 0
