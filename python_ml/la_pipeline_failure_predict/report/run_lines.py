"""One line about a training or scoring run."""

from pathlib import Path

from la_pipeline_failure_predict.model.evaluate import Metric
from la_pipeline_failure_predict.model.promote import Promoted
from la_pipeline_failure_predict.model.score import ScoredRun
from la_pipeline_failure_predict.model.train import TrainedRun


def describe_training(run: TrainedRun, card: Path) -> str:
    """Say what was trained, how well it did on the year held out, and where its card is."""
    where = card.relative_to(Path.cwd()) if card.is_relative_to(Path.cwd()) else card
    if run.skipped:
        return f"train {run.grain}: run {run.run_id} is there already, card {where}"
    text = (
        f"train {run.grain}: run {run.run_id}, {run.rows:,} rows with {run.breaks:,} breaks "
        f"before {run.trained_until}, {run.seconds:.1f} s, card {where}"
    )
    if run.test_from is None:
        return f"{text}; too short a record to hold a year out"
    figures = "; ".join(_figure(metric) for metric in run.headline)
    return f"{text}\n  held out from {run.test_from}: {figures}"


def describe_scoring(run: ScoredRun) -> str:
    """Say what was scored."""
    days = str(run.first_day)
    if run.last_day != run.first_day:
        days += f" to {run.last_day}"
    return (
        f"score {run.grain}: {run.rows:,} rows for {days}, {run.expected_breaks:,.1f} breaks "
        f"expected, {run.seconds:.1f} s"
    )


def describe_promotion(promoted: Promoted) -> str:
    """Say which run the risk marts are to read."""
    now = "" if promoted.is_new else "already "
    if promoted.run_id is None:
        return (
            f"promote {promoted.grain}: no run is promoted; the marts {now}read the seed's run, "
            "else the newest scored one"
        )
    return f"promote {promoted.grain}: the risk marts {now}read {promoted.run_id}"


def _figure(metric: Metric) -> str:
    name, found = metric.metric.replace("_", " "), metric.estimate
    if found.value is None:
        return f"{name} not defined"
    text = f"{name} {found.value:.3f}"
    if found.lower is not None and found.upper is not None:
        text += f" ({found.lower:.3f} to {found.upper:.3f})"
    return text
