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
    from la_pipeline_failure_predict.deliveries import Fetch
    from la_pipeline_failure_predict.sources.remote.catalog import Narrowed, Origin
    from la_pipeline_failure_predict.sources.remote.download import Downloaded


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

    SOURCE is a city (kitchener, los-angeles), one of its sources (ladwp-leaks), a delivery file,
    or KIND:ADDRESS.

    \b
    Example: la-pipes download los-angeles --dry-run
             la-pipes download socrata:data.lacity.org/jz5f-87wj
             la-pipes download arcgis:https://HOST/services/Water/FeatureServer/3
             la-pipes download files:https://HOST/leaks.csv
             la-pipes download ghcn:USW00093134
             la-pipes download ncei:USW00093134
             la-pipes download soil-survey:CA696@-118.67,33.70,-118.15,34.34
    """
    from la_pipeline_failure_predict.sources.remote.catalog import Narrowed

    narrowed = Narrowed(where, since)
    for name, origin in _wanted(settings, source).items():
        if dry_run:
            _describe(settings, name, origin, narrowed)
        else:
            _fetch(settings, name, origin, narrowed, folder)


def _wanted(settings: Settings, source: str) -> dict[str, "Origin"]:
    """Return what a source or city publishes, by name."""
    from la_pipeline_failure_predict.deliveries import find_cities, read_origins
    from la_pipeline_failure_predict.sources.remote.catalog import KINDS, name_of, parse_origin

    if origin := parse_origin(source):
        return {name_of(origin): origin}
    if source.endswith((".yml", ".yaml")):
        return read_origins(Path(source))
    cities = {city: read_origins(file) for city, file in find_cities(settings.root).items()}
    if source in cities:
        return cities[source]
    published = {name: origin for city in cities.values() for name, origin in city.items()}
    found = {name: origin for name, origin in published.items() if _is_called(name, source)}
    if len(found) != 1:
        known = ", ".join([*cities, *(found or published)])
        raise UserError(
            f"Unknown source {source!r}: choose one of {known}; or KIND:ADDRESS, with one of "
            f"{', '.join(KINDS)}."
        )
    return found


def _is_called(name: str, source: str) -> bool:
    return source in (name, name.partition("/")[2])


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
) -> "Downloaded":
    from la_pipeline_failure_predict.sources.remote.catalog import remote_files
    from la_pipeline_failure_predict.sources.remote.download import download as fetch

    screen = Screen.current()
    files = remote_files(origin, settings, narrowed)
    downloaded = fetch(name, files, folder / name, screen.advance, origin.licence)
    if not downloaded.is_new:
        screen.say(f"{name}: nothing new since {downloaded.folder}")
        return downloaded
    for file in downloaded.manifest.files:
        rows = f"{file.rows:,} rows, " if file.rows is not None else ""
        screen.say(f"{name}: {rows}{file.bytes:,} bytes in {downloaded.folder / file.name}")
    return downloaded


def fetcher(settings: Settings) -> "Fetch":
    """Return what fetches a published source into the project's data/raw."""
    from la_pipeline_failure_predict.sources.remote.catalog import Narrowed

    def fetch(name: str, origin: "Origin") -> "Downloaded":
        return _fetch(settings, name, origin, Narrowed(), settings.root / "data" / "raw")

    return fetch
