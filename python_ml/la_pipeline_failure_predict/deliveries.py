"""A delivery file: which files to load as which sources, in order, and where some are published."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.sources.archives import file_inside
from la_pipeline_failure_predict.sources.providers import find_source
from la_pipeline_failure_predict.sources.remote.catalog import Origin
from la_pipeline_failure_predict.sources.remote.download import Downloaded
from la_pipeline_failure_predict.vintages import UNSAID, Extent, Vintage
from la_pipeline_failure_predict.yaml_files import explain_invalid, read_written


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: str
    file: str | None = None
    origin: Origin | None = Field(default=None, alias="from")
    mapping: str | None = None
    extent: Extent | None = None
    part: str | None = None
    delivered_on: date | None = None

    @property
    def vintage(self) -> Vintage:
        """What the delivery is of."""
        return Vintage(self.extent, self.part, self.delivered_on)

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if (self.file is None) == (self.origin is None):
            raise ValueError("name either `file` or `from`")
        if self.origin is not None:
            self.origin.check()
        return self


class _DeliveryFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    deliveries: list[_Entry] = Field(min_length=1)


@dataclass(frozen=True)
class DeliveredFile:
    """One file to load."""

    source: str
    path: Path
    mapping: Path | None
    vintage: Vintage = UNSAID


Fetch = Callable[[str, Origin], Downloaded]
"""Brings what is published at an origin, under a name, to this machine."""


def read_deliveries(
    path: Path, data_dir: Path | None = None, fetch: Fetch | None = None
) -> list[DeliveredFile]:
    """Read a delivery file, and fetch what it names by its origin.

    Parameters
    ----------
    data_dir
        Folder the files lie in; the delivery file's own folder by default. Mappings are always
        found beside the delivery file.

    Raises
    ------
    UserError
        If the file is missing or malformed, names an unknown source or a file that is not there,
        or something cannot be fetched.
    """
    entries = _read(path).deliveries
    for entry in entries:
        find_source(entry.source)
        entry.vintage.check(entry.source)
        if entry.file is not None:
            delivered = file_inside(data_dir or path.parent, entry.file, path)
            if not delivered.exists():
                raise UserError(
                    f"{path} names {delivered}, which does not exist: check --data-dir."
                )
    files = []
    for name, entry in zip(_names(path, entries), entries, strict=True):
        mapping = path.parent / entry.mapping if entry.mapping else None
        places = [(data_dir or path.parent) / (entry.file or "")]
        if entry.origin is not None:
            if fetch is None:
                raise UserError(f"{path} names what is published: load it with la-pipes run.")
            downloaded = fetch(name, entry.origin)
            is_folder = find_source(entry.source).is_folder
            places = [downloaded.folder] if is_folder else downloaded.paths
        files += [DeliveredFile(entry.source, place, mapping, entry.vintage) for place in places]
    return files


def read_origins(path: Path) -> dict[str, Origin]:
    """Return what a delivery file names by its origin, by name.

    Raises
    ------
    UserError
        If the file is missing or malformed.
    """
    entries = _read(path).deliveries
    named = zip(_names(path, entries), entries, strict=True)
    return {name: entry.origin for name, entry in named if entry.origin is not None}


def find_cities(root: Path) -> dict[str, Path]:
    """Return the delivery files of the cities that publish their data, by name."""
    files = sorted((root / "schemas" / "cities").glob("*.yml"))
    return {_plain(file.stem): file for file in files}


def find_city(root: Path, name: str) -> Path:
    """Return the delivery file of a city.

    Raises
    ------
    UserError
        If there is none of that name.
    """
    cities = find_cities(root)
    if _plain(name) not in cities:
        raise UserError(
            f"Unknown city {name!r}: choose one of {', '.join(cities)}, or name a delivery file "
            "of your own with --delivery."
        )
    return cities[_plain(name)]


def _read(path: Path) -> _DeliveryFile:
    if not path.is_file():
        raise UserError(f"No delivery file {path}: check the path given to --delivery.")
    written = read_written(path, "Delivery file")
    try:
        return _DeliveryFile.model_validate(written)
    except ValidationError as error:
        raise UserError(f"{path}, {explain_invalid(error, _DeliveryFile)}.") from None


def _names(path: Path, entries: Sequence[_Entry]) -> list[str]:
    """Return a name for each entry: city and source, numbered where a source is named again."""
    names: list[str] = []
    for entry in entries:
        name = f"{_plain(path.stem)}/{entry.source}"
        again = sum(other == name or other.startswith(f"{name}-") for other in names)
        names.append(f"{name}-{again + 1}" if again else name)
    return names


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
