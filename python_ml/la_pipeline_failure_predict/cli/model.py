"""Commands of the model step: train, score."""

from datetime import date

import click

from la_pipeline_failure_predict.cli.common import (
    GRAINS,
    Screen,
    as_of_option,
    common,
    grain_option,
)
from la_pipeline_failure_predict.model.data import Grain
from la_pipeline_failure_predict.settings import Settings


@click.command()
@grain_option
@as_of_option
@click.option("--seed", default=1, show_default=True, help="Seed of everything drawn at random.")
@common
def train(settings: Settings, grain: Grain | None, as_of: date | None, seed: int) -> None:
    """Train the break models on the features and evaluate them on the last year held out.

    \b
    Example: la-pipes train --grain pipe --as-of 2021-01-01
    """
    from la_pipeline_failure_predict.pipeline import Pipeline

    Pipeline(settings, Screen()).train([grain] if grain else GRAINS, as_of, seed)


@click.command()
@grain_option
@as_of_option
@click.option(
    "--run-id", help="Run to score with; the one that learned from the newest labels by default."
)
@common
def score(settings: Settings, grain: Grain | None, as_of: date | None, run_id: str | None) -> None:
    """Write expected breaks of every main (or area and month) to the score tables.

    \b
    Example: la-pipes score --grain pipe --as-of 2022-01-01
    """
    from la_pipeline_failure_predict.pipeline import Pipeline

    Pipeline(settings, Screen()).score([grain] if grain else GRAINS, as_of, run_id)
