"""Where data come from: `from:` of a delivery file, or `kind:address` on the command line."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.remote.arcgis import ArcGISLayer
from la_pipeline_failure_predict.sources.remote.remote_file import RemoteFile


class Origin(BaseModel):
    """Where a source is published; one kind of service, and what it wants to know."""

    model_config = ConfigDict(extra="forbid")

    arcgis: str | None = Field(default=None, description="Address of a service or layer.")
    layer: int | None = Field(default=None, ge=0, description="Number of a layer of a service.")
    where: str | None = Field(default=None, description="SQL of the rows to fetch.")
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
            raise UserError(f"`from:` wants one of {', '.join(KINDS)}; it names {named or 'none'}.")
        return named[0]


@dataclass(frozen=True)
class Narrowed:
    """Which rows of a source are wanted; all of them by default."""

    where: str | None = None
    since: dt.date | None = None


KINDS = ("arcgis",)


def parse_origin(text: str) -> Origin | None:
    """Return the origin that `kind:address` names, None where it names no kind of service."""
    kind, _, rest = text.partition(":")
    kind = kind.replace("-", "_")
    if kind not in KINDS or not rest:
        return None
    return Origin.model_validate({kind: rest})


def name_of(origin: Origin) -> str:
    """Return a name for the folder of an origin that has none."""
    text = str(getattr(origin, origin.kind))
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
    where, since = narrowed.where or origin.where, narrowed.since
    if origin.kind == "arcgis" and origin.arcgis:
        return [ArcGISLayer(settings, origin.arcgis, origin.layer, where, since)]
    raise UserError(f"{origin.kind} cannot be fetched.")
