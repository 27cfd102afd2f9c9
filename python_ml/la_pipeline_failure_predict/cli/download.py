"""The command that fetches published data."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from la_pipeline_failure_predict.cli.common import as_day, common
from la_pipeline_failure_predict.cli.screen import Screen
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings

if TYPE_CHECKING:
    from la_pipeline_failure_predict.sources.remote.catalog import Narrowed, Origin


@click.command()
@click.argument("source")
@click.option("--where", help="SQL of the rows to fetch, in the words of the service.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=as_day,
    help="Fetch what was edited from this day on, where the service knows.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be fetched, and how large it is.")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/raw"),
    show_default=True,
    help="Folder that gets a folder for each source.",
)
@common
def download(
    settings: Settings,
    source: str,
    where: str | None,
    since: date | None,
    dry_run: bool,
    folder: Path,
) -> None:
    """Fetch a published SOURCE into data/raw/SOURCE/DAY; what was interrupted goes on.

    SOURCE is KIND:ADDRESS.

    \b
    Example: la-pipes download socrata:data.lacity.org/jz5f-87wj
             la-pipes download arcgis:https://HOST/arcgis/rest/services/Water/FeatureServer/3
             la-pipes download files:https://HOST/leaks.csv
             la-pipes download ghcn:USW00093134
             la-pipes download ncei:USW00093134
    """
    from la_pipeline_failure_predict.sources.remote.catalog import Narrowed

    narrowed = Narrowed(where, since)
    for name, origin in _wanted(source):
        if dry_run:
            _describe(settings, name, origin, narrowed)
        else:
            _fetch(settings, name, origin, narrowed, folder)


def _wanted(source: str) -> list[tuple[str, "Origin"]]:
    from la_pipeline_failure_predict.sources.remote.catalog import KINDS, name_of, parse_origin

    origin = parse_origin(source)
    if origin is None:
        raise UserError(
            f"Unknown source {source!r}: name KIND:ADDRESS, with one of {', '.join(KINDS)}."
        )
    return [(name_of(origin), origin)]


def _describe(settings: Settings, name: str, origin: "Origin", narrowed: "Narrowed") -> None:
    from la_pipeline_failure_predict.sources.remote.catalog import remote_files

    for file in remote_files(origin, settings, narrowed):
        plan = file.look()
        size = plan.size if plan.size is not None else file.sample_size()
        parts = [
            f"{plan.rows:,} rows" if plan.rows is not None else "",
            f"about {size / 1e6:,.1f} MB" if size is not None else "size not known",
            plan.licence or origin.licence or "licence not stated",
        ]
        said = ", ".join(part for part in parts if part)
        Screen.current().say(f"{name}: {plan.file_name} of {plan.url}: {said}")


def _fetch(
    settings: Settings, name: str, origin: "Origin", narrowed: "Narrowed", folder: Path
) -> None:
    from la_pipeline_failure_predict.sources.remote.catalog import remote_files
    from la_pipeline_failure_predict.sources.remote.download import download as fetch

    screen = Screen.current()
    files = remote_files(origin, settings, narrowed)
    downloaded = fetch(name, files, folder / name, screen.advance, origin.licence)
    if not downloaded.is_new:
        screen.say(f"{name}: nothing new since {downloaded.folder}")
        return
    for file in downloaded.manifest.files:
        rows = f"{file.rows:,} rows, " if file.rows is not None else ""
        screen.say(f"{name}: {rows}{file.bytes:,} bytes in {downloaded.folder / file.name}")
