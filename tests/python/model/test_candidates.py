import doctest

import numpy as np
import pytest
from sklearn.base import clone

from cities import ROOT
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model import design
from la_pipeline_failure_predict.model.candidates import (
    CoefficientModel,
    empirical_bayes,
    glm,
)
from la_pipeline_failure_predict.model.candidates.cohort_rate import CohortRate
from la_pipeline_failure_predict.model.candidates.empirical_bayes import EmpiricalBayes
from la_pipeline_failure_predict.model.candidates.glm import PipeGLM
from la_pipeline_failure_predict.model.candidates.gradient_boosting import GradientBoosting
from la_pipeline_failure_predict.model.candidates.weibull import WeibullPH, cumulative
from la_pipeline_failure_predict.model.data import Factor, Frame
from la_pipeline_failure_predict.model.features import read_features
from la_pipeline_failure_predict.model.grains import GRAINS, MAINS

FEATURES = read_features(ROOT, MAINS)
MODELS = list(MAINS.models.values())


def made(kind, **parameters):
    """Return an unfitted model of the declared features."""
    return FEATURES.make_model(kind.name, parameters)


def network(rows=4000, seed=1, shape=0.7, years=(1.0, 25.0), power=0.0):
    """Mains whose rate is the material's, times a Gamma variable of mean 1 that is the main's own.

    The variable's shape is `shape` times the power of the material's rate.

    Returns the frame, next year's breaks, the exposure in km, and the true expectation given the
    material alone.
    """
    generator = np.random.default_rng(seed)
    iron = generator.random(rows) < 0.4
    length = generator.uniform(20, 300, rows)
    observed = generator.uniform(*years, rows)
    mean = np.where(iron, 1.5, 0.3) * length / 1000
    shapes = shape * mean**power
    own = generator.gamma(shapes, 1 / shapes)
    recent = generator.poisson(mean * own * np.minimum(observed, 5))
    older = generator.poisson(mean * own * np.maximum(observed - 5, 0))
    age = observed + generator.uniform(0, 60, rows)
    zero = np.zeros(rows)
    numbers = {
        "length_m": length,
        "diameter_mm": generator.choice([100.0, 150.0, 300.0], rows),
        "age_years": age,
        "install_year": np.round(2020 - age),
        "exposure_years": observed,
        "soil_resistivity_ohm_cm": np.full(rows, np.nan),
        "breaks_ever": (recent + older).astype(float),
        "breaks_prior_12m": np.minimum(recent, 1).astype(float),
        "breaks_prior_36m": recent.astype(float),
        "breaks_prior_60m": recent.astype(float),
        "months_since_last_break": np.where(recent + older > 0, 20.0, np.nan),
        "installation_breaks_prior_36m": zero,
        "nearby_breaks_prior_12m": zero,
        "nearby_breaks_prior_36m": generator.poisson(0.4, rows).astype(float),
        "nearby_breaks_prior_60m": zero,
        "neighbourhood_breaks_ever": generator.poisson(2, rows).astype(float),
    }
    factors = {"material_group": Factor(iron.astype(np.int32), ("plastic", "cast_iron"))}
    for name in ("install_era", "joint_code", "road_class", "soil_corrosivity_code"):
        factors[name] = Factor(np.zeros(rows, np.int32), ("unknown",))
    frame = Frame(np.zeros(rows, np.int32), numbers, factors, np.ones(rows, np.float32))
    breaks = generator.poisson(mean * own).astype(float)
    return frame, breaks, length / 1000, mean


@pytest.fixture(scope="module")
def mains():
    return network()


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.name)
def test_a_candidate_is_an_estimator(mains, kind):
    frame, breaks, km, _ = mains
    model = made(kind)
    copy = clone(model)
    assert copy.get_params().keys() == model.get_params().keys()
    expected = model.fit(frame, breaks, km).predict(frame, km)
    # Breaks are given out, not made: every model's total is near the count.
    assert expected.sum() == pytest.approx(breaks.sum(), rel=0.05)
    assert (expected > 0).all()
    # Twice the length of the same kind breaks twice as often.
    np.testing.assert_allclose(model.predict(frame, 2 * km), 2 * expected, rtol=0.7)
    again = clone(model).fit(frame, breaks, km).predict(frame, km)
    np.testing.assert_array_equal(again, expected)


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.name)
def test_a_row_that_stands_for_two_is_two_rows(mains, kind):
    frame, breaks, km, _ = mains
    half = np.arange(1500)
    twice = np.concatenate([half, half[breaks[half] == 0]])
    weight = np.where(breaks[half] == 0, 2.0, 1.0)
    model = made(kind)
    if kind is GradientBoosting:
        # Leaves are counted in rows, whatever they stand for.
        model.set_params(least_leaf_share=0.0)
    one = clone(model).fit(frame.take(half), breaks[half], km[half], weight)
    other = clone(model).fit(frame.take(twice), breaks[twice], km[twice])
    first, second = (fitted.predict(frame, km) for fitted in (one, other))
    if kind is GradientBoosting:
        # The bins of their features are counted in rows too.
        assert np.corrcoef(first, second)[0, 1] > 0.9
        assert first.sum() == pytest.approx(second.sum(), rel=0.05)
    else:
        # Centers and scales differ a little, and with them what the penalty means.
        np.testing.assert_allclose(first, second, rtol=0.05)


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.name)
def test_what_training_never_saw_is_scored(mains, kind):
    frame, breaks, km, _ = mains
    model = made(kind).fit(frame, breaks, km)
    strange = frame.take(np.arange(3))
    strange.factors["material_group"] = Factor(np.array([0, -1, 1], np.int32), ("bamboo", "gold"))
    for name in ("age_years", "diameter_mm", "install_year"):
        strange.numbers[name] = np.full(3, np.nan)
    assert np.isfinite(model.predict(strange, km[:3])).all()


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.name)
def test_refuses_what_cannot_be_fitted(mains, kind):
    frame, breaks, km, _ = mains
    with pytest.raises(ValueError, match="no count is above 0"):
        made(kind).fit(frame, np.zeros_like(breaks), km)
    with pytest.raises(ValueError, match="exposure above 0"):
        made(kind).fit(frame, breaks, km - km.min())


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.name)
def test_one_main_with_one_break_can_be_fitted(mains, kind):
    frame = mains[0].take(np.array([0]))
    expected = (
        made(kind).fit(frame, np.array([1.0]), np.array([0.1])).predict(frame, np.array([0.1]))
    )
    assert 0 < float(expected[0]) < 10


@pytest.mark.parametrize(("shape", "power"), [(0.7, 0.0), (4.0, 1.0)])
def test_empirical_bayes_finds_how_much_mains_differ(shape, power):
    frame, breaks, km, mean = network(rows=40_000, seed=4, shape=shape, power=power)
    model = made(EmpiricalBayes).fit(frame, breaks, km)
    # The network is steady: its record tells next year's rate as it is, of any age.
    assert model.power_ == pytest.approx(power, abs=0.15)
    typical = np.average(mean, weights=mean)  # of a break's main
    assert model.shape_ * typical**model.power_ == pytest.approx(shape * typical**power, rel=0.3)
    assert model.years_scale_ == pytest.approx(1.0, rel=0.15)
    assert model.recency_ < 0.4


def test_empirical_bayes_of_mains_without_differences_ignores_the_record():
    frame, breaks, km, mean = network(rows=20_000, seed=4, shape=500.0)
    expected = made(EmpiricalBayes).fit(frame, breaks, km).predict(frame, km)
    assert np.abs(np.log(expected / mean)).mean() < 0.15


def test_a_long_clean_record_lowers_the_rate_and_a_break_raises_it(mains):
    frame, breaks, km, _ = mains
    model = made(EmpiricalBayes).fit(frame, breaks, km)
    twins = frame.take(np.zeros(4, np.intp))
    twins.numbers |= {
        "exposure_years": np.array([1.0, 25.0, 25.0, 25.0]),
        "breaks_ever": np.array([0.0, 0.0, 1.0, 1.0]),
        "breaks_prior_60m": np.array([0.0, 0.0, 0.0, 1.0]),
    }
    short, clean, once, lately = model.predict(twins, np.full(4, 0.2))
    assert clean < once < lately
    assert clean < short


def test_the_gradient_of_empirical_bayes_is_that_of_its_likelihood(mains):
    frame, breaks, km, _ = mains
    rows = np.arange(600)
    part = frame.take(rows)
    terms = design.fit_terms(FEATURES.design("empirical_bayes"), part, rows, breaks[rows], km[rows])
    history = empirical_bayes.History(
        part.numbers["breaks_ever"],
        part.numbers["exposure_years"],
        part.numbers["breaks_prior_60m"],
        np.minimum(part.numbers["exposure_years"], 5.0),
    )
    columns = design.matrix(terms, part, rows, np.float64)
    problem = empirical_bayes._Problem(
        columns, breaks[rows], km[rows], np.full(600, 1.5), history, 3.0
    )
    at = problem.start + np.random.default_rng(1).normal(0, 0.1, problem.start.size)
    _, gradient, information = problem._at(at)
    for position in range(at.size):
        step = np.zeros(at.size)
        step[position] = 1e-5
        slope = (problem._at(at + step)[0] - problem._at(at - step)[0]) / 2e-5
        assert gradient[position] == pytest.approx(slope, rel=1e-4, abs=1e-4)
    assert (np.linalg.eigvalsh(information) > 0).all()


def test_weibull_finds_the_shape_of_mains_that_entered_late():
    generator = np.random.default_rng(2)
    rows, shape = 60_000, 2.2
    age = generator.uniform(20, 90, rows)  # nothing is known of their first twenty years
    km = generator.uniform(0.05, 0.3, rows)
    breaks = generator.poisson(0.0005 * km * cumulative(age, shape)).astype(float)
    frame = network(rows=10)[0].take(np.zeros(rows, np.intp))
    frame.numbers["age_years"] = age
    model = made(WeibullPH, penalty=0.0).fit(frame, breaks, km)
    assert model.shape_ == pytest.approx(shape, abs=0.15)
    assert model.predict(frame, km).sum() == pytest.approx(breaks.sum(), rel=0.01)


def test_cohort_rates_by_hand():
    frame = network(rows=4)[0]
    frame.factors["material_group"] = Factor(np.array([0, 0, 1, 1], np.int32), ("iron", "steel"))
    frame.numbers["install_year"] = np.array([1921.0, 1929.0, 1921.0, np.nan])
    breaks, km = np.array([1.0, 2, 0, 1]), np.array([1.0, 1, 2, 4])
    model = CohortRate(pseudo_breaks=1.0).fit(frame, breaks, km)
    # Half a break a km overall, so each cohort starts with one break on two km.
    np.testing.assert_allclose(model.predict(frame, np.ones(4)), [1, 1, 0.25, 1 / 3])


def test_boosted_trees_never_reward_a_break():
    frame, breaks, km, _ = network(rows=6000, seed=5)
    model = made(GradientBoosting).fit(frame, breaks, km)
    for name in ("breaks_ever", "breaks_prior_60m", "age_years", "neighbourhood_breaks_ever"):
        more = frame.take(np.arange(frame.rows))
        more.numbers[name] = more.numbers[name] + 3
        assert (model.predict(more, km) >= model.predict(frame, km) - 1e-12).all()


def test_coefficient_models_are_their_terms(mains):
    frame, breaks, km, _ = mains
    for kind in (PipeGLM, EmpiricalBayes):
        model = made(kind).fit(frame, breaks, km)
        assert isinstance(model, CoefficientModel)
        by_terms = design.expected_breaks(
            model.terms_, model.coefficients_, frame, np.arange(frame.rows), km
        )
        np.testing.assert_array_equal(by_terms, model.predict(frame, km))
        assert len({term.name for term in model.terms_}) == len(model.terms_)


def test_names_and_parameters_that_are_not_known():
    with pytest.raises(UserError, match="no pipe model 'oracle'; there are poisson_glm, empirical"):
        FEATURES.make_model("oracle")
    with pytest.raises(UserError, match="empirical_bayes has no parameter depth; it has max_it"):
        FEATURES.make_model("empirical_bayes", {"depth": 3})
    assert FEATURES.make_model("poisson_glm", {"penalty": 7.0}).get_params()["penalty"] == 7.0


@pytest.mark.parametrize(
    "column",
    [
        *("condition_score", "criticality", "status", "lof_grade", "leak_rate_per_fid"),
        *("breaks_next_12m", "is_label_complete", "decommissioned_on", "cleaned"),
    ],
)
def test_a_column_that_holds_the_outcome_cannot_enter(column):
    with pytest.raises(UserError, match=f"{column} may not be a feature of the pipe model"):
        FEATURES.check(["length_m", f"breaks_ever/{column}"])
    with pytest.raises(UserError, match=column):
        FEATURES.check([f"material_group*{column}"])


def test_every_model_reads_declared_features_only():
    for grain in GRAINS.values():
        features = read_features(ROOT, grain)
        for name in grain.models:
            model = features.make_model(name)
            features.check((*model.level_columns, *model.number_columns))


def test_docstrings_run():
    for module in (glm, empirical_bayes):
        assert doctest.testmod(module).failed == 0
