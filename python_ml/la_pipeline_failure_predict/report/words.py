"""Figures in words: what people read where the warehouse holds the name of a metric."""

import re
from collections.abc import Callable, Sequence
from datetime import date

from la_pipeline_failure_predict.model.metrics import SHARE_NAMES, SHARES, Estimate

RULE_LABELS = {
    "past_breaks_per_km": "Past breaks per km",
    "age": "Age",
    "length": "Length",
    "random": "Random",
    "same_month_mean": "Same-month mean",
    "last_12_months_rate": "Last 12 months' rate",
    "cohort_rate": "Rate by material and decade",
}
PERCENTS = {name: f"{100 * share:g} %" for name, share in zip(SHARE_NAMES, SHARES, strict=True)}
CAPTURE = re.compile(r"capture_at_(?P<share>\w+)_length")
CAPTURE_GAIN = re.compile(r"capture_gain_over_(?P<rule>\w+)_at_(?P<share>\w+)_length")
AUC_GAIN = re.compile(r"auc_gain_over_(?P<rule>\w+)")
DEVIANCE_GAIN = re.compile(r"deviance_gain_over_(?P<rule>\w+)")


def describe(metric: str, found: Estimate) -> str:
    """Say what a figure means, in half a sentence that needs no other.

    >>> describe("capture_at_1pct_length", Estimate(0.13, 0.064, 0.213))
    "the riskiest 1 % of length held 13 % of the year's breaks (95 %: 6.4 to 21 %)"
    >>> describe("observed_over_expected", Estimate(0.794, 0.614, 1.01))
    '79 breaks came for every 100 expected (95 %: 61 to 101)'
    """
    if found.value is None:
        return f"{metric_title(metric)}: not defined for so few breaks"
    if match := CAPTURE.fullmatch(metric):
        share = PERCENTS[match["share"]]
        return f"the riskiest {share} of length held {percent(found)} of the year's breaks" + (
            _interval(found, percent_number, " %")
        )
    if match := CAPTURE_GAIN.fullmatch(metric):
        points = f"{abs(100 * found.value):.1f} points"
        side = "more" if found.value >= 0 else "less"
        return (
            f"in the riskiest {PERCENTS[match['share']]} that is {points} {side} than by "
            f"{_rule(match['rule'])}{_interval(found, _points)}"
        )
    if metric == "auc":
        return (
            f"of a main that broke and one that did not, {percent(found)} of the time the one that "
            f"broke ranked higher{_interval(found, percent_number, ' %')}"
        )
    if metric == "observed_over_expected":
        return (
            f"{100 * found.value:.0f} breaks came for every 100 expected"
            f"{_interval(found, lambda value: f'{100 * value:.0f}')}"
        )
    if match := DEVIANCE_GAIN.fullmatch(metric):
        side = "lower" if found.value >= 0 else "higher"
        return (
            f"that is {abs(found.value):.3f} {side} than by the {_rule(match['rule'])}"
            f"{_interval(found, _decimals)}"
        )
    return f"{metric_title(metric)} {_decimals(found.value)}{_interval(found, _decimals)}"


def metric_title(metric: str) -> str:
    """Return what a figure is, as the head of a row.

    >>> metric_title("capture_at_0_5pct_length")
    'breaks in the riskiest 0.5 % of length'
    """
    if match := CAPTURE.fullmatch(metric):
        return f"breaks in the riskiest {PERCENTS[match['share']]} of length"
    if match := CAPTURE_GAIN.fullmatch(metric):
        return f"gain over {_rule(match['rule'])} in {PERCENTS[match['share']]} of length"
    if match := AUC_GAIN.fullmatch(metric) or DEVIANCE_GAIN.fullmatch(metric):
        return f"gain over the {_rule(match['rule'])}"
    return {
        "auc": "AUC",
        "pr_auc": "PR-AUC",
        "observed_over_expected": "observed / expected",
        "brier_skill": "Brier skill",
        "poisson_deviance": "mean Poisson deviance (lower is better)",
    }.get(metric, metric.replace("_", " "))


def metric_value(metric: str, found: Estimate) -> str:
    """Return a figure with its interval, as a cell: shares in percent, gains of them in points.

    >>> metric_value("capture_at_10pct_length", Estimate(0.521, 0.476, 0.568))
    '52 % (48 to 57 %)'
    >>> metric_value("capture_gain_over_age_at_10pct_length", Estimate(-0.013, -0.07, 0.04))
    '-1.3 points (-7.0 to +4.0)'
    >>> metric_value("auc", Estimate(0.909))
    '0.909'
    """
    if found.value is None:
        return "-"
    if CAPTURE.fullmatch(metric):
        return _with_interval(found, percent_number, " %", " %")
    if CAPTURE_GAIN.fullmatch(metric):
        return _with_interval(found, _points, " points")
    return _with_interval(found, _decimals)


def segment_title(segment: str) -> str:
    """Return which rows a figure is of.

    >>> segment_title("material_group=cast_iron"), segment_title("diameter_mm=to_100")
    ('material: cast iron', 'diameter: to 100 mm')
    >>> segment_title("risk_tenth=10"), segment_title("no_history")
    ('tenth 10 of the expected breaks', 'without a recorded break')
    """
    group, _, name = segment.partition("=")
    name = name.replace("_", " ")
    if group == "risk_tenth":
        return f"tenth {int(name)} of the expected breaks"
    if group == "diameter_mm":
        return f"diameter: {name}" + (" mm" if name != "unknown" else "")
    if group == "material_group":
        return f"material: {name}"
    return {"all": "all mains", "no_history": "without a recorded break"}.get(segment, segment)


def years(origins: Sequence[date]) -> str:
    """Return the years that were predicted, the origins a year apart.

    >>> years([date(2012, 1, 1), date(2013, 1, 1)])
    '2 years, 2012 to 2013'
    >>> years([date(2012, 7, 1)])
    '12 months from 2012-07-01'
    """
    first, last, count = origins[0], origins[-1], len(origins)
    if any((day.month, day.day) != (1, 1) for day in origins):
        if count == 1:
            return f"12 months from {first}"
        return f"{count} origins from {first} to {last}"
    return f"the year {first.year}" if count == 1 else f"{count} years, {first.year} to {last.year}"


def percent(found: Estimate) -> str:
    """Return a share in percent, without its interval."""
    return "-" if found.value is None else f"{percent_number(found.value)} %"


def percent_number(share: float) -> str:
    """Return a share as a number of percent, two digits of it.

    >>> percent_number(0.0544), percent_number(0.521), percent_number(0.0)
    ('5.4', '52', '0')
    """
    return f"{100 * share:.1f}" if 0 < abs(share) < 0.0995 else f"{100 * share:.0f}"


def _with_interval(
    found: Estimate, write: Callable[[float], str], unit: str = "", last: str = ""
) -> str:
    value = "-" if found.value is None else f"{write(found.value)}{unit}"
    if found.lower is None or found.upper is None:
        return value
    return f"{value} ({write(found.lower)} to {write(found.upper)}{last})"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def _decimals(value: float) -> str:
    return f"{value:.3f}"


def _rule(name: str) -> str:
    return RULE_LABELS.get(name, name.replace("_", " ")).lower()


def _interval(found: Estimate, write: Callable[[float], str], unit: str = "") -> str:
    if found.lower is None or found.upper is None:
        return ""
    return f" (95 %: {write(found.lower)} to {write(found.upper)}{unit})"
