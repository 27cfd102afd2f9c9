"""Judge models on periods that they have not seen, and compare them with the simple rules."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from la_pipeline_failure_predict.model import metrics
from la_pipeline_failure_predict.model.baselines import (
    area_expectations,
    pipe_rankings,
    position_score,
)
from la_pipeline_failure_predict.model.data import AREA_MONTHS, PIPES, Frame
from la_pipeline_failure_predict.model.metrics import (
    SHARE_NAMES,
    Doubles,
    Estimate,
    Ranking,
    interval,
    rank,
)
from la_pipeline_failure_predict.model.oracle import ORACLE

DIAMETERS_MM = (100.0, 150.0, 200.0, 300.0)
RISK_GROUPS = 10
CURVE = tuple(np.round(np.linspace(0.0, 0.5, 51), 4))

Found = tuple[str, str, Estimate]


@dataclass(frozen=True)
class Metric:
    """An evaluation figure: of which model, on which rows."""

    model_name: str
    segment: str
    metric: str
    estimate: Estimate
    rows: int
    breaks: int


@dataclass(frozen=True)
class Ranked:
    """The rows of one segment of one origin, ranked by every model and rule.

    Attributes
    ----------
    breaks
        Of every row, shape (rows,).
    expected
        By fitted model, shape (rows,).
    entity, counts
        Of the rows with a break, shape (broken,).
    parts
        By ranking, how much of each of them the riskiest shares of length take, shape
        (broken, shares).
    curve
        The same on a finer grid of shares, for charts.
    above
        By ranking, the share of rows without a break that score lower, shape (broken,).
    precision
        By ranking, the average precision.
    """

    breaks: Doubles
    expected: Mapping[str, Doubles]
    entity: NDArray[np.uint64]
    counts: Doubles
    parts: Mapping[str, Doubles]
    curve: Mapping[str, Doubles]
    above: Mapping[str, Doubles]
    precision: Mapping[str, float | None]


@dataclass(frozen=True)
class Test:
    """The rows of one origin, and what was expected of them.

    Attributes
    ----------
    frame
        Rows of the mart, the label among its numbers.
    expected
        Expected breaks by the name of the fitted model, each of shape (rows,).
    ranked
        Its rankings by segment, where rows are ranked.
    """

    __test__ = False  # not one of pytest's

    origin: date
    frame: Frame
    expected: Mapping[str, Doubles]
    ranked: Mapping[str, Ranked] = field(default_factory=dict)


def rank_segments(test: Test, seed: int) -> dict[str, Ranked]:
    """Rank the rows of one origin, all and those without a recorded break.

    Notes
    -----
    Captures rank by expected breaks per meter; AUC ranks a model by expected breaks of the main
    and a rule by its own order. In the segment ``no_history`` the share of length is that of the
    segment's length, and past breaks per km is equivalent to age.
    """
    no_history = np.flatnonzero(test.frame.numbers["breaks_ever"] == 0)
    everything = np.arange(test.frame.rows)
    segments = {"all": everything, "no_history": no_history}
    return {name: _rank_segment(test, rows, seed) for name, rows in segments.items() if rows.size}


def _rank_segment(test: Test, rows: NDArray[np.intp], seed: int) -> Ranked:
    length = test.frame.numbers[PIPES.exposure][rows].astype(np.float64)
    breaks = test.frame.numbers[PIPES.label][rows].astype(np.float64)
    expected = {name: values[rows] for name, values in test.expected.items()}
    at = np.flatnonzero(breaks > 0)
    rankings: dict[str, Ranking] = dict(pipe_rankings(test.frame, rows, seed))
    scores = {name: position_score(ranking) for name, ranking in rankings.items()}
    for name, values in expected.items():
        rankings[name], scores[name] = rank(values / length), values
    entity = test.frame.entity[rows] if test.frame.entity.size else rows.astype(np.uint64)
    return Ranked(
        breaks=breaks,
        expected=expected,
        entity=entity[at],
        counts=breaks[at],
        parts={name: metrics.taken_parts(found, length, at) for name, found in rankings.items()},
        curve={
            name: metrics.taken_parts(found, length, at, CURVE) for name, found in rankings.items()
        },
        above={
            name: metrics.above_rows_without_break(score, breaks, at)
            for name, score in scores.items()
        },
        precision={name: metrics.pr_auc(score, breaks).value for name, score in scores.items()},
    )


def strongest_rule(ranked: Sequence[Ranked], rules: Sequence[str], shares: Sequence[float]) -> str:
    """Return the rule that catches most on average over some shares; the first on a tie."""
    columns = [metrics.SHARES.index(share) for share in shares]
    counts = _joined(ranked, "counts")
    if not counts.size:
        return rules[0]
    caught = {
        name: float((counts @ _joined_of(ranked, "parts", name)[:, columns]).mean())
        for name in rules
    }
    return max(rules, key=lambda name: caught[name])


def judge(
    segment: str, ranked: Sequence[Ranked], rule: str, *, resamples: int, seed: int
) -> list[Metric]:
    """Judge rankings and models on the rows of some origins together.

    Parameters
    ----------
    ranked
        The same segment of each origin.
    rule
        The rule that gains are measured against.

    Notes
    -----
    Intervals are the middle 95 % of bootstrap resamples of the mains that broke, each with all its
    origins; the network stays fixed, and with it the meters that make up a share of its length.
    Captures and AUC of several origins are their means weighted by breaks.
    """
    entity, counts = _joined(ranked, "entity"), _joined(ranked, "counts")
    drawn = metrics.resample(entity, resamples, seed)
    found: list[Found] = []
    captures = {name: _joined_of(ranked, "parts", name) for name in ranked[0].parts}
    caught = {name: _caught(counts, parts) for name, parts in captures.items()}
    by_breaks = drawn * counts
    redrawn = {name: metrics.weighted_means(by_breaks, parts) for name, parts in captures.items()}
    for name, values in caught.items():
        for position, share in enumerate(SHARE_NAMES):
            ends = interval(redrawn[name][:, position])
            value = _or_none(values[position])
            found.append((name, f"capture_at_{share}_length", Estimate(value, *ends)))
    for name in (name for name in caught if name != rule):
        gain, gains = caught[name] - caught[rule], redrawn[name] - redrawn[rule]
        for position, share in enumerate(SHARE_NAMES):
            estimate = Estimate(_or_none(gain[position]), *interval(gains[:, position]))
            found.append((name, gain_name(rule, share), estimate))
    found += _oracle_shares(caught, redrawn)
    found += _discrimination(ranked, drawn, rule)
    breaks = _joined(ranked, "breaks")
    for name in ranked[0].expected:
        expected = _joined_of(ranked, "expected", name)
        found += _calibration(name, expected, breaks)
        found.append((name, "brier_skill", metrics.brier_skill(expected, breaks)))
        found.append((name, "poisson_deviance", metrics.poisson_deviance(expected, breaks)))
    return [
        Metric(name, segment, metric, estimate, breaks.size, int(breaks.sum()))
        for name, metric, estimate in found
    ]


def oracle_share_name(share: str) -> str:
    """Return the name of the capture over that of the true hazard at a share of length."""
    return f"oracle_share_at_{share}_length"


def _oracle_shares(
    caught: Mapping[str, Doubles], redrawn: Mapping[str, Doubles]
) -> Iterator[Found]:
    """Yield each capture over that of ranking by the true hazard, paired; none without it."""
    for name in caught if ORACLE in caught else ():
        if name == ORACLE:
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = caught[name] / caught[ORACLE]
            again = redrawn[name] / redrawn[ORACLE]
        # If the truth itself catches nothing, there is no share of it.
        shares[caught[ORACLE] == 0] = np.nan
        again[redrawn[ORACLE] == 0] = np.nan
        for position, share in enumerate(SHARE_NAMES):
            estimate = Estimate(_or_none(shares[position]), *interval(again[:, position]))
            yield name, oracle_share_name(share), estimate


def gain_name(rule: str, share: str) -> str:
    """Return the name of the gain in capture over a rule at a share of length."""
    return f"capture_gain_over_{rule}_at_{share}_length"


def paired_gain(
    ranked: Sequence[Ranked], one: str, other: str, *, resamples: int, seed: int
) -> list[Estimate]:
    """Return how much more `one` catches than `other` at each of the shares."""
    counts = _joined(ranked, "counts")
    difference = _joined_of(ranked, "parts", one) - _joined_of(ranked, "parts", other)
    drawn = metrics.resample(_joined(ranked, "entity"), resamples, seed)
    gains = metrics.weighted_means(drawn * counts, difference)
    values = _caught(counts, difference)
    return [
        Estimate(_or_none(value), *interval(gains[:, position]))
        for position, value in enumerate(values)
    ]


def capture_curve(ranked: Sequence[Ranked], name: str) -> Doubles:
    """Return the capture at each share of `CURVE`, shape (shares,)."""
    return _caught(_joined(ranked, "counts"), _joined_of(ranked, "curve", name))


def _discrimination(ranked: Sequence[Ranked], drawn: Doubles, rule: str) -> Iterator[Found]:
    """Yield AUC and average precision of rows with a break against rows without."""
    above = {name: _joined_of(ranked, "above", name) for name in ranked[0].above}
    known = ~np.isnan(above[rule])
    weight = drawn[:, known]
    redrawn = {
        name: metrics.weighted_means(weight, values[known]) for name, values in above.items()
    }
    for name, values in above.items():
        value = float(values[known].mean()) if known.any() else None
        yield name, "auc", Estimate(value, *interval(redrawn[name]))
        if name != rule and value is not None:
            gain = value - float(above[rule][known].mean())
            ends = interval(redrawn[name] - redrawn[rule])
            yield name, f"auc_gain_over_{rule}", Estimate(gain, *ends)
        precisions = [item.precision[name] for item in ranked if item.precision[name] is not None]
        sizes = [item.counts.size for item in ranked if item.precision[name] is not None]
        average = float(np.average(np.array(precisions), weights=sizes)) if precisions else None
        yield name, "pr_auc", Estimate(average)


def reliability(tests: Sequence[Test], name: str) -> list[Metric]:
    """Return observed over expected by material, by diameter and by tenths of the expectation.

    A tenth holds the rows of a tenth of the expected breaks, the least risky rows per meter first.
    """
    expected = np.concatenate([test.expected[name] for test in tests])
    breaks = np.concatenate([test.frame.numbers[PIPES.label] for test in tests]).astype(np.float64)
    length = np.concatenate([test.frame.numbers[PIPES.exposure] for test in tests])
    order = np.argsort(expected / length, kind="stable")
    reached = np.empty(expected.size)
    reached[order] = np.cumsum(expected[order]) / expected.sum()
    tenth = np.minimum((reached * RISK_GROUPS).astype(int), RISK_GROUPS - 1) + 1
    groups = {
        "material_group": np.concatenate([_material(test.frame) for test in tests]),
        "diameter_mm": np.concatenate([_diameter(test.frame) for test in tests]),
        "risk_tenth": np.char.zfill(tenth.astype(str), 2),
    }
    found = []
    for group, labels in groups.items():
        for label in np.unique(labels):
            rows = labels == label
            ratio = metrics.observed_over_expected(expected[rows], breaks[rows])
            total = Estimate(float(expected[rows].sum()))
            size, count = int(rows.sum()), int(breaks[rows].sum())
            segment = f"{group}={label}"
            found.append(Metric(name, segment, "observed_over_expected", ratio, size, count))
            found.append(Metric(name, segment, "expected_breaks", total, size, count))
    return found


def _material(frame: Frame) -> NDArray[np.str_]:
    factor = frame.factor("material_group")
    return np.array([*factor.names, "unknown"])[factor.codes]


def _diameter(frame: Frame) -> NDArray[np.str_]:
    diameter = frame.number("diameter_mm")
    names = [f"to_{limit:.0f}" for limit in DIAMETERS_MM] + [f"over_{DIAMETERS_MM[-1]:.0f}"]
    found = np.array(names)[np.searchsorted(DIAMETERS_MM, np.nan_to_num(diameter))]
    return np.where(np.isnan(diameter), "unknown", found)


def judge_areas(tests: Sequence[Test], *, resamples: int, seed: int) -> list[Metric]:
    """Judge expected breaks of areas and months by Poisson deviance.

    A gain is a rule's mean deviance less the model's, on the same resamples: above 0 the model is
    better. Months are drawn whole, because the areas of a month share its weather.
    """
    breaks = np.concatenate([test.frame.numbers[AREA_MONTHS.label] for test in tests])
    breaks = breaks.astype(np.float64)
    months = np.concatenate([test.frame.period for test in tests])
    rules = _joined_rules(tests)
    models = {
        name: np.concatenate([test.expected[name] for test in tests]) for name in tests[0].expected
    }
    drawn = metrics.resample(months, resamples, seed)
    parts = {
        name: metrics.deviance_parts(values, breaks) for name, values in {**models, **rules}.items()
    }
    found: list[Found] = []
    for name, values in parts.items():
        found.append((name, "poisson_deviance", _mean(values, drawn)))
    for name, values in models.items():
        for rule in rules:
            gain = _mean(parts[rule] - parts[name], drawn)
            found.append((name, f"deviance_gain_over_{rule}", gain))
        found += _calibration(name, values, breaks)
    for rule, values in rules.items():
        ratio = metrics.observed_over_expected(values, breaks)
        found.append((rule, "observed_over_expected", ratio))
    return [
        Metric(name, "all", metric, estimate, breaks.size, int(breaks.sum()))
        for name, metric, estimate in found
    ]


def _joined_rules(tests: Sequence[Test]) -> dict[str, Doubles]:
    by_test = [area_expectations(test.frame, np.arange(test.frame.rows)) for test in tests]
    return {name: np.concatenate([rules[name] for rules in by_test]) for name in by_test[0]}


def _mean(parts: Doubles, drawn: Doubles) -> Estimate:
    return Estimate(float(parts.mean()), *interval(metrics.weighted_means(drawn, parts)))


def _calibration(name: str, expected: Doubles, breaks: Doubles) -> list[Found]:
    ratio = metrics.observed_over_expected(expected, breaks)
    slope = metrics.calibration_slope(expected, breaks)
    return [(name, "observed_over_expected", ratio), (name, "calibration_slope", slope)]


def _joined(ranked: Sequence[Ranked], field: str) -> NDArray:
    return np.concatenate([getattr(item, field) for item in ranked])


def _joined_of(ranked: Sequence[Ranked], field: str, name: str) -> Doubles:
    return np.concatenate([getattr(item, field)[name] for item in ranked])


def _caught(counts: Doubles, parts: Doubles) -> Doubles:
    if not counts.size:
        return np.full(parts.shape[1], np.nan)
    caught: Doubles = counts @ parts / counts.sum()
    return caught


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
