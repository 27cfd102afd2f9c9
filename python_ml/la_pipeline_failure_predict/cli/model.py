"""Commands of the model step: train, backtest, score, promote."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import click

from la_pipeline_failure_predict.cli.common import (
    GRAIN_NAMES,
    SEED,
    as_of_option,
    common,
    grain_option,
)
from la_pipeline_failure_predict.cli.screen import Column, Screen
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.model.data import GrainName
from la_pipeline_failure_predict.project import open_for_writing
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import one_writer


@click.command()
@grain_option
@as_of_option
@click.option(
    "--model",
    help="Candidate to train, for mains if --grain is not given; by default the champion of the "
    "newest backtest.",
)
@click.option("--seed", type=SEED, default=1, show_default=True, help="Seed for everything random.")
@common
def train(
    settings: Settings, grain: GrainName | None, as_of: date | None, model: str | None, seed: int
) -> None:
    """Train the break models, and test them on the last year, which is held out.

    Each run gets a model card, artifacts/model_cards/RUN_ID.md: what it learned from, how it was
    judged, and what it must not be used for.

    \b
    Example: la-pipes train --grain pipe --as-of 2021-01-01
             la-pipes train --grain pipe --model gradient_boosting
    """
    from la_pipeline_failure_predict.pipeline import Pipeline

    if model and not grain:
        grain = "pipe"
    with one_writer(settings):
        Pipeline(settings, Screen.current()).train(
            [grain] if grain else GRAIN_NAMES, as_of, seed, model
        )


@click.command()
@grain_option
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration file; the project's schemas/backtest.yml by default.",
)
@click.option(
    "--final",
    is_flag=True,
    help="Also look at the held-back origins. Do this once, at release; each look is recorded.",
)
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    help="True hazard of a synthetic network; shows what share of its capture each model reaches.",
)
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports/backtest"),
    show_default=True,
    help="Folder for the report, its charts and its figures.",
)
@common
def backtest(
    settings: Settings,
    grain: GrainName | None,
    config: Path | None,
    final: bool,
    truth: Path | None,
    folder: Path,
) -> None:
    """Test every candidate and simple rule on past years, as if they were the future.

    At each origin the models are fitted to what was known then, and predict the year after. The
    simplest candidate that no other beats becomes the champion; la-pipes train trains it.

    \b
    Example: la-pipes backtest --grain pipe
             la-pipes backtest --config my_backtest.yml --to reports/mine
             la-pipes backtest --grain pipe --truth sample/true_hazard.parquet
    """
    from la_pipeline_failure_predict.pipeline import Pipeline
    from la_pipeline_failure_predict.report.backtest_report import (
        describe_backtest,
        write_backtest_report,
    )

    if truth and grain == "area_month":
        raise UserError("--truth is the hazard of mains: leave it out, or add --grain pipe.")
    screen = Screen.current()
    grains = [grain] if grain else GRAIN_NAMES
    with one_writer(settings):
        results = Pipeline(settings, screen).backtest(grains, config, final, truth)
    for result in results:
        summary = describe_backtest(result)
        screen.say(summary.heading)
        columns = [Column(name, is_number=bool(name)) for name in summary.columns]
        screen.table(columns, summary.rows)
        for note in summary.notes:
            screen.say(note)
        screen.say(f"Wrote {write_backtest_report(result, folder)}.")


@click.command()
@grain_option
@as_of_option
@click.option(
    "--run-id",
    help="Run to score with; by default the promoted run, or else the seed's run, or else the run "
    "that learned from the newest labels.",
)
@common
def score(
    settings: Settings, grain: GrainName | None, as_of: date | None, run_id: str | None
) -> None:
    """Write expected breaks of every main (or area and month) to the score tables.

    \b
    Example: la-pipes score --grain pipe --as-of 2022-01-01
    """
    from la_pipeline_failure_predict.pipeline import Pipeline

    with one_writer(settings):
        Pipeline(settings, Screen.current()).score([grain] if grain else GRAIN_NAMES, as_of, run_id)


@click.command()
@click.argument("run_id", required=False)
@grain_option
@click.option("--list", "is_list", is_flag=True, help="Show the runs and which one is published.")
@click.option("--withdraw", is_flag=True, help="Use the seed's run, or else the newest, again.")
@click.option("--build", is_flag=True, help="Also rebuild what reads the scores.")
@common
def promote(
    settings: Settings,
    run_id: str | None,
    grain: GrainName | None,
    is_list: bool,
    withdraw: bool,
    build: bool,
) -> None:
    """Choose the scored run (RUN_ID) that the risk marts and Power BI read.

    The choice holds until another run is promoted or it is withdrawn. Later runs are scored and
    published only if they are promoted.

    \b
    Example: la-pipes promote --list
             la-pipes promote pipe-poisson-glm-20250101-1a2b3c4d --build
    """
    from la_pipeline_failure_predict.pipeline import Pipeline

    if (run_id is not None) + is_list + withdraw != 1:
        raise UserError("Give exactly one of RUN_ID, --list and --withdraw.")
    grains = [grain] if grain else GRAIN_NAMES
    if is_list:
        _list_runs(settings, grains)
        return
    with one_writer(settings):
        Pipeline(settings, Screen.current()).promote(run_id, grains, build)
    if not build:
        Screen.current().say(
            "Update the marts with la-pipes run (or dbt build --select source:ml+)."
        )


def _list_runs(settings: Settings, grains: Sequence[GrainName]) -> None:
    from la_pipeline_failure_predict.model.grains import GRAINS
    from la_pipeline_failure_predict.model.promote import list_runs

    with open_for_writing(settings) as warehouse:
        runs = list_runs(warehouse, [GRAINS[name] for name in grains])
    screen = Screen.current()
    if not runs:
        screen.say("No run has been trained yet: la-pipes train.")
        return
    # A run's identifier begins with its grain.
    columns = [
        Column("run", is_whole=True),
        Column("published"),
        Column("trained until", is_whole=True),
        Column("scores", is_number=True),
    ]
    rows = [
        (
            run.run_id,
            "yes" if run.is_published else "",
            run.trained_until,
            f"{run.scored_rows:,}",
        )
        for run in runs
    ]
    screen.table(columns, rows)
