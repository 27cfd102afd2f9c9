"""Commands that run many steps: build, run, demo."""

from collections.abc import Sequence
from pathlib import Path

import click

from la_pipeline_failure_predict.cli.common import (
    SEED,
    common,
    configured_limit,
    max_rejects_option,
)
from la_pipeline_failure_predict.cli.data import write_sample_files
from la_pipeline_failure_predict.cli.download import fetcher
from la_pipeline_failure_predict.cli.portal import portal_folder, write_snapshot
from la_pipeline_failure_predict.cli.screen import Column, Screen
from la_pipeline_failure_predict.dbt_runner import Dbt
from la_pipeline_failure_predict.deliveries import DeliveredFile, find_city, read_deliveries
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.project import open_warehouse
from la_pipeline_failure_predict.rejects import RejectLimit
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.warehouse import one_writer


@click.command()
@click.option("--select", help="dbt selection, such as marts.core or marts.powerbi.")
@common
def build(settings: Settings, select: str | None) -> None:
    """Build and test the marts: the same as `dbt build`.

    \b
    Example: la-pipes build --select marts.features
    """
    from la_pipeline_failure_predict.pipeline import Pipeline

    with one_writer(settings):
        Pipeline(settings, Screen.current()).build(select)


@click.command()
@click.option(
    "--delivery",
    type=click.Path(path_type=Path),
    help="File that lists what to load; without it, the data that is already loaded is used.",
)
@click.option("--city", help="City whose data are fetched first: kitchener or los-angeles.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Folder of the files that it names."
)
@click.option(
    "--force", is_flag=True, help="Link, build, score and publish again, even if up to date."
)
@max_rejects_option
@common
def run(
    settings: Settings,
    delivery: Path | None,
    city: str | None,
    data_dir: Path | None,
    force: bool,
    max_rejects: RejectLimit | None,
) -> None:
    """Run every step from files to Power BI views; skip what is up to date.

    Where a portal is used, its snapshot follows.

    \b
    Example: la-pipes run --delivery my_city.yml --data-dir ~/my_city
             la-pipes run --city kitchener
    """
    if city and delivery:
        raise UserError("Name a city or a delivery file, not both.")
    delivery = find_city(settings.root, city) if city else delivery
    files = read_deliveries(delivery, data_dir, fetcher(settings)) if delivery else []
    with Dbt(settings) as dbt:
        if files or force:
            dbt.parse_ahead()
        _run(dbt, settings, files, force, max_rejects or configured_limit(settings))


def _run(
    dbt: Dbt,
    settings: Settings,
    files: Sequence[DeliveredFile],
    force: bool = False,
    max_rejects: RejectLimit | None = None,
) -> None:
    from la_pipeline_failure_predict.pipeline import Pipeline

    screen = Screen.current()
    pipeline = Pipeline(settings, screen, dbt)
    with one_writer(settings):
        pipeline.run(files, force, max_rejects)
    steps = ", ".join(f"{step.step} {step.seconds:.1f} s" for step in pipeline.times)
    screen.say(f"Done: {steps}.")
    if portal_folder(settings).is_dir():
        write_snapshot(settings)
    _show_top_mains(settings)


def _show_top_mains(settings: Settings) -> None:
    from la_pipeline_failure_predict.report.top_mains import read_top_mains

    with open_warehouse(settings) as warehouse:
        mains = read_top_mains(warehouse)
    if not mains:
        return
    screen = Screen.current()
    screen.say(
        f"\nThe {len(mains)} mains to look at first, with the breaks expected in the 12 months "
        f"from {mains[0].as_of_date} (in brackets, times the typical main's rate):\n"
    )
    columns = [
        Column("rank", is_number=True),
        Column("main", is_whole=True),
        Column("place"),
        Column("breaks", is_number=True),
        Column("why"),
    ]
    rows = [
        (main.rank, main.pipe_id, main.place, f"{main.expected_breaks:.2f}", main.why)
        for main in mains
    ]
    screen.table(columns, rows)
    if stubs := mains[-1].rank - len(mains):
        name = "stub" if stubs == 1 else "stubs"
        screen.say(f"Left out of the ranks: {stubs:,} {name}, too short to renew alone.")


@click.command()
@click.option("--pipes", default=20_000, show_default=True, help="Number of mains.")
@click.option(
    "--seed",
    type=SEED,
    default=1,
    show_default=True,
    help="A different seed gives a different network.",
)
@common
def demo(settings: Settings, pipes: int, seed: int) -> None:
    """Write a sample network and run every step on it.

    \b
    Example: la-pipes demo --pipes 20000
    """
    folder = settings.root / "data" / f"sample-{pipes}-{seed}"
    delivery = folder / "delivery.yml"
    with Dbt(settings) as dbt:
        dbt.parse_ahead()
        if not delivery.is_file():
            write_sample_files(folder, pipes, seed)
        _run(dbt, settings, read_deliveries(delivery))
    Screen.current().say(
        "\nWhere to go next: the views in the schema powerbi; `la-pipes report` for a picture; "
        "`la-pipes portal publish`, `la-pipes portal user add YOU@EXAMPLE.ORG --role "
        "administrator` and `la-pipes portal serve` for the pages that planners open; "
        "`dbt docs generate && dbt docs serve` for every column; the README's part \"Your own "
        'city" to load your own mains and breaks.'
    )
