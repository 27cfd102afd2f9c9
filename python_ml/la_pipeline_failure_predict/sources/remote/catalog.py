"""Where data come from: `from:` of a delivery file, or `kind:address` on the command line."""

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.remote.arcgis import ArcGISLayer
from la_pipeline_failure_predict.sources.remote.files import PlainFile
from la_pipeline_failure_predict.sources.remote.noaa import StationSummaries, daily_file
from la_pipeline_failure_predict.sources.remote.remote_file import RemoteFile
from la_pipeline_failure_predict.sources.remote.socrata import SocrataDataset
from la_pipeline_failure_predict.sources.remote.soil_data_access import survey_files


class FileAt(BaseModel):
    """A file at an address."""

    model_config = ConfigDict(extra="forbid")

    url: str
    sha256: str | None = Field(default=None, pattern="^[0-9a-fA-F]{64}$")
    name: str | None = None


class Origin(BaseModel):
    """Where a source is published; one kind of service, and what it wants to know."""

    model_config = ConfigDict(extra="forbid")

    arcgis: str | None = Field(default=None, description="Address of a service or layer.")
    layer: int | None = Field(default=None, ge=0, description="Number of a layer of a service.")
    socrata: str | None = Field(default=None, description="Portal and dataset, as in an address.")
    files: list[FileAt] | None = Field(default=None, min_length=1)
    ghcn: str | None = Field(default=None, description="Station of NOAA, daily.")
    ncei: str | None = Field(default=None, description="Station of NOAA, summaries.")
    soil_survey: list[str] | None = Field(default=None, min_length=1, description="Its areas.")
    bbox: list[float] | None = Field(
        default=None, description="West, south, east and north of the shapes of a soil survey."
    )
    dataset: str | None = Field(default=None, description="Of summaries; monthly by default.")
    where: str | None = Field(default=None, description="SQL of the rows to fetch.")
    server: str | None = Field(default=None, description="Another server of the same service.")
    licence: str | None = Field(default=None, description="Of the data, as their owner states it.")

    @property
    def kind(self) -> str:
        """The kind of service.

        Raises
        ------
        UserError
            If none or several are named.
        """
        named = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(named) != 1:
            raise UserError(
                f"`from:` wants one of {', '.join(KINDS)}; it names "
                f"{' and '.join(named) or 'none'}."
            )
        return named[0]

    def check(self) -> None:
        """Check that it is complete.

        Raises
        ------
        UserError
            If it names no kind of service, or several.
        """
        if self.layer is not None and self.kind != "arcgis":
            raise UserError(f"`layer:` is of arcgis alone: take it out of the {self.kind}.")


@dataclass(frozen=True)
class Narrowed:
    """Which rows of a source are wanted; all of them by default."""

    where: str | None = None
    since: dt.date | None = None


Maker = Callable[[Settings, Origin, Narrowed], Sequence[RemoteFile]]


def _arcgis(settings: Settings, origin: Origin, wanted: Narrowed) -> Sequence[RemoteFile]:
    address = origin.arcgis or ""
    return [ArcGISLayer(settings, address, origin.layer, wanted.where, wanted.since)]


def _socrata(settings: Settings, origin: Origin, wanted: Narrowed) -> Sequence[RemoteFile]:
    return [SocrataDataset(settings, origin.socrata or "", wanted.where, wanted.since)]


def _files(settings: Settings, origin: Origin, wanted: Narrowed) -> Sequence[RemoteFile]:
    return [PlainFile(settings, file.url, file.sha256, file.name) for file in origin.files or []]


def _ghcn(settings: Settings, origin: Origin, wanted: Narrowed) -> Sequence[RemoteFile]:
    return [daily_file(settings, origin.ghcn or "", origin.server)]


def _ncei(settings: Settings, origin: Origin, wanted: Narrowed) -> Sequence[RemoteFile]:
    station, dataset = origin.ncei or "", origin.dataset
    return [StationSummaries(settings, station, dataset, wanted.since, origin.server)]


def _soil_survey(settings: Settings, origin: Origin, wanted: Narrowed) -> Sequence[RemoteFile]:
    return survey_files(settings, origin.soil_survey or [], origin.bbox, origin.server)


KINDS: Mapping[str, Maker] = {
    "arcgis": _arcgis,
    "socrata": _socrata,
    "files": _files,
    "ghcn": _ghcn,
    "ncei": _ncei,
    "soil_survey": _soil_survey,
}
KNOW_WHERE = {"arcgis", "socrata"}
KNOW_SINCE = {"arcgis", "socrata", "ncei"}


def parse_origin(text: str) -> Origin | None:
    """Return the origin that `kind:address` names, None where it names no kind of service."""
    kind, _, rest = text.partition(":")
    kind = kind.replace("-", "_")
    if kind not in KINDS or not rest:
        return None
    if kind == "files":
        return Origin(files=[FileAt(url=rest)])
    if kind == "soil_survey":
        areas, _, box = rest.partition("@")
        return Origin(soil_survey=areas.split(","), bbox=_numbers(box) if box else None)
    return Origin.model_validate({kind: rest})


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"{text!r} is no box: name west,south,east,north in degrees.") from None


def name_of(origin: Origin) -> str:
    """Return a name for the folder of an origin that has none."""
    text = origin.files[0].url if origin.files else str(getattr(origin, origin.kind))
    text = "-".join(origin.soil_survey) if origin.soil_survey else text
    plain = re.sub(r"\?.*|^https?://([^/@]*@)?", "", text)
    return re.sub(r"[^\w.]+", "-", f"{origin.kind} {plain}").strip("-.").lower()[:120]


def remote_files(
    origin: Origin, settings: Settings, narrowed: Narrowed = Narrowed()
) -> Sequence[RemoteFile]:
    """Return the files of an origin.

    Raises
    ------
    UserError
        If the origin is incomplete, or cannot be narrowed in that way.
    """
    kind = origin.kind
    wanted = Narrowed(narrowed.where or origin.where, narrowed.since)
    if wanted.where and kind not in KNOW_WHERE:
        raise UserError(f"{kind} takes no --where: leave it out, and fetch all of it.")
    if wanted.since and kind not in KNOW_SINCE:
        raise UserError(f"{kind} takes no --since: leave it out, and fetch all of it.")
    return KINDS[kind](settings, origin, wanted)
