"""Judge a fit on periods that it has not seen, beside the simple rules."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from la_pipeline_failure_predict.model import metrics
from la_pipeline_failure_predict.model.baselines import (
    PAST_BREAKS,
    area_expectations,
    pipe_rankings,
    position_score,
)
from la_pipeline_failure_predict.model.data import AREA_MONTHS, PIPES, Frame
from la_pipeline_failure_predict.model.metrics import SHARE_NAMES, Doubles, Estimate, interval, rank
from la_pipeline_failure_predict.model.registry import MODEL_NAME, Metric

RESAMPLES = 200

Evaluate = Callable[[Frame, NDArray[np.intp], Doubles, int], list[Metric]]


def evaluate_pipes(
    frame: Frame, rows: NDArray[np.intp], expected: Doubles, seed: int
) -> list[Metric]:
    """Judge expected breaks of mains, on all rows and on those without a recorded break.

    Parameters
    ----------
    rows
        Positions of the test rows in `frame`, shape (n,).
    expected
        Expected breaks of those rows, shape (n,).
    seed
        Of the bootstrap and the random ranking.

    Notes
    -----
    Captures rank by expected breaks per metre; AUC ranks the model by expected breaks of the main
    and a rule by its own order. In the segment ``no_history`` the share of length is that of the
    segment's length, and past breaks per km comes down to age.
    """
    no_history = frame.numbers["breaks_ever"][rows] == 0
    return [
        *_pipe_segment("all", frame, rows, expected, seed),
        *_pipe_segment("no_history", frame, rows[no_history], expected[no_history], seed),
    ]


def _pipe_segment(
    segment: str, frame: Frame, rows: NDArray[np.intp], expected: Doubles, seed: int
) -> list[Metric]:
    length = frame.numbers[PIPES.exposure][rows].astype(np.float64)
    breaks = frame.numbers[PIPES.label][rows].astype(np.float64)
    if not rows.size:
        return []
    rules = pipe_rankings(frame, rows, seed)
    model = rank(expected / length)
    found: list[tuple[str, str, Estimate]] = []
    drawn = metrics.bootstrap_capture(
        {MODEL_NAME: model, PAST_BREAKS: rules[PAST_BREAKS]},
        length,
        breaks,
        resamples=RESAMPLES,
        seed=seed,
    )
    caught = {
        name: metrics.capture(ranking, length, breaks)
        for name, ranking in {MODEL_NAME: model, **rules}.items()
    }
    for name, values in caught.items():
        for position, share in enumerate(SHARE_NAMES):
            ends = interval(drawn[name][:, position]) if name in drawn else (None, None)
            value = _or_none(values[position])
            found.append((name, f"capture_at_{share}_length", Estimate(value, *ends)))
    gain = caught[MODEL_NAME] - caught[PAST_BREAKS]
    gains = drawn[MODEL_NAME] - drawn[PAST_BREAKS]
    for position, share in enumerate(SHARE_NAMES):
        estimate = Estimate(_or_none(gain[position]), *interval(gains[:, position]))
        found.append((MODEL_NAME, f"capture_gain_over_{PAST_BREAKS}_at_{share}_length", estimate))
    scores = {name: position_score(ranking) for name, ranking in rules.items()}
    for name, score in {MODEL_NAME: expected, **scores}.items():
        found.append((name, "auc", metrics.auc(score, breaks)))
        found.append((name, "pr_auc", metrics.pr_auc(score, breaks)))
    found += _calibration(expected, breaks)
    found.append((MODEL_NAME, "brier_skill", metrics.brier_skill(expected, breaks)))
    found.append((MODEL_NAME, "poisson_deviance", metrics.poisson_deviance(expected, breaks)))
    return _as_metrics(segment, found, breaks)


def evaluate_areas(
    frame: Frame, rows: NDArray[np.intp], expected: Doubles, seed: int
) -> list[Metric]:
    """Judge expected breaks of areas and months by Poisson deviance; parameters as for mains.

    A gain is the rule's mean deviance less the model's, on the same resamples of rows: above 0 the
    model is better.
    """
    breaks = frame.numbers[AREA_MONTHS.label][rows].astype(np.float64)
    rules = area_expectations(frame, rows)
    found: list[tuple[str, str, Estimate]] = []
    parts = {
        name: metrics.deviance_parts(values, breaks)
        for name, values in {MODEL_NAME: expected, **rules}.items()
    }
    for name, values in parts.items():
        estimate = metrics.bootstrap_mean(values, resamples=RESAMPLES, seed=seed)
        found.append((name, "poisson_deviance", estimate))
    for name in rules:
        difference = parts[name] - parts[MODEL_NAME]
        estimate = metrics.bootstrap_mean(difference, resamples=RESAMPLES, seed=seed)
        found.append((MODEL_NAME, f"deviance_gain_over_{name}", estimate))
        ratio = metrics.observed_over_expected(rules[name], breaks)
        found.append((name, "observed_over_expected", ratio))
    found += _calibration(expected, breaks)
    return _as_metrics("all", found, breaks)


EVALUATIONS: dict[str, Evaluate] = {"pipe": evaluate_pipes, "area_month": evaluate_areas}


def _calibration(expected: Doubles, breaks: Doubles) -> list[tuple[str, str, Estimate]]:
    ratio = metrics.observed_over_expected(expected, breaks)
    slope = metrics.calibration_slope(expected, breaks)
    return [
        (MODEL_NAME, "observed_over_expected", ratio),
        (MODEL_NAME, "calibration_slope", slope),
    ]


def _as_metrics(
    segment: str, found: list[tuple[str, str, Estimate]], breaks: Doubles
) -> list[Metric]:
    total = int(breaks.sum())
    return [
        Metric(name, segment, metric, estimate, breaks.size, total)
        for name, metric, estimate in found
    ]


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
