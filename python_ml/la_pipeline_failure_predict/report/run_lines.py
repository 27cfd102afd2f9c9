"""One line about a training or scoring run."""

from pathlib import Path

from la_pipeline_failure_predict.model.promote import Promoted
from la_pipeline_failure_predict.model.score import ScoredRun
from la_pipeline_failure_predict.model.train import TrainedRun
from la_pipeline_failure_predict.report.words import describe


def describe_training(run: TrainedRun, card: Path) -> str:
    """Say what was trained, where its card is, and how well it did on the year held out."""
    where = card.relative_to(Path.cwd()) if card.is_relative_to(Path.cwd()) else card
    if run.skipped:
        return f"train {run.grain}: run {run.run_id} is there already; its card is {where}"
    lines = [
        f"train {run.grain}: run {run.run_id} learned from {run.rows:,} rows with {run.breaks:,} "
        f"breaks before {run.trained_until}, {run.seconds:.1f} s; its card is {where}"
    ]
    if run.test_from is None:
        lines.append("  not judged: the record is too short to hold a year out")
    elif run.headline:
        lines.append(
            f"  judged on 12 months from {run.test_from}, held out, with "
            f"{run.headline[0].breaks:,} breaks:"
        )
        lines += [f"  - {describe(item.metric, item.estimate)}" for item in run.headline]
    return "\n".join(lines)


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
