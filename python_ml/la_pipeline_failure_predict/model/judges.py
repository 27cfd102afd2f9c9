"""How the two grains are judged: mains by what a ranking catches, areas by what they expected."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from la_pipeline_failure_predict.model.baselines import AREA_RULES, PIPE_RULES
from la_pipeline_failure_predict.model.evaluate import (
    Metric,
    Ranked,
    Test,
    judge,
    judge_areas,
    rank_segments,
    reliability,
    strongest_rule,
)


class Judge(Protocol):
    """What a grain's models are judged by, beside simple rules."""

    rules: tuple[str, ...]
    """The simple rules."""

    def prepare(self, test: Test, seed: int) -> Test:
        """Return the test with its rankings, where rows are ranked."""

    def judge(self, tests: Sequence[Test], rule: str, *, resamples: int, seed: int) -> list[Metric]:
        """Return the figures of some tests together; gains are over a rule."""

    def by_group(self, tests: Sequence[Test], models: Iterable[str]) -> list[Metric]:
        """Return what models expected of groups of rows beside what happened."""

    def strongest_rule(
        self, tests: Sequence[Test], shares: Sequence[float], *, resamples: int, seed: int
    ) -> str:
        """Return the simple rule that is hardest to beat."""


class PipeJudge:
    """Ranks mains: how many of the breaks lie in the riskiest share of length."""

    rules: tuple[str, ...] = PIPE_RULES

    def prepare(self, test: Test, seed: int) -> Test:
        """Return the test with the rankings of its segments."""
        return replace(test, ranked=rank_segments(test, seed))

    def judge(self, tests: Sequence[Test], rule: str, *, resamples: int, seed: int) -> list[Metric]:
        """Return captures, discrimination and calibration by segment."""
        return [
            metric
            for segment, ranked in pooled(tests).items()
            for metric in judge(segment, ranked, rule, resamples=resamples, seed=seed)
        ]

    def by_group(self, tests: Sequence[Test], models: Iterable[str]) -> list[Metric]:
        """Return observed over expected by material, diameter and tenth of the expectation."""
        return [metric for name in models for metric in reliability(tests, name)]

    def strongest_rule(
        self, tests: Sequence[Test], shares: Sequence[float], *, resamples: int, seed: int
    ) -> str:
        """Return the rule, or the rate of the cohort, that catches most at some shares."""
        ranked = pooled(tests)["all"]
        cohorts = (name for name in ("cohort_rate",) if name in ranked[0].parts)
        return strongest_rule(ranked, [*self.rules, *cohorts], shares)


class AreaJudge:
    """Compares expected with observed breaks of areas and months by their deviance."""

    rules: tuple[str, ...] = AREA_RULES

    def prepare(self, test: Test, seed: int) -> Test:
        """Return the test as it is: areas are not ranked."""
        return test

    def judge(self, tests: Sequence[Test], rule: str, *, resamples: int, seed: int) -> list[Metric]:
        """Return deviance, its gain over each rule, and calibration."""
        return judge_areas(tests, resamples=resamples, seed=seed)

    def by_group(self, tests: Sequence[Test], models: Iterable[str]) -> list[Metric]:
        """Return nothing: areas have no groups."""
        return []

    def strongest_rule(
        self, tests: Sequence[Test], shares: Sequence[float], *, resamples: int, seed: int
    ) -> str:
        """Return the rule with the smallest deviance."""
        losses = {
            metric.model_name: metric.estimate.value
            for metric in judge_areas(tests, resamples=resamples, seed=seed)
            if metric.model_name in self.rules and metric.metric == "poisson_deviance"
        }
        return min(losses, key=lambda name: (losses[name] is None, losses[name] or 0.0, name))


def pooled(tests: Sequence[Test]) -> Mapping[str, list[Ranked]]:
    """Return the rankings of some tests by segment; none where rows are not ranked."""
    segments = dict.fromkeys(name for test in tests for name in test.ranked)
    return {name: [test.ranked[name] for test in tests if name in test.ranked] for name in segments}
