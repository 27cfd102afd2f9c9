"""Layers of ArcGIS servers: each feature by its object id, so that none is missed or taken twice.

A server gives at most some thousand features an answer. Asking for ranges of object ids is stable
where asking for "the next thousand" is not: rows may move between two answers.
"""

import datetime as dt
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.remote.authentication import (
    arcgis_headers,
    check_address,
    host_of,
    shown,
    without_token,
)
from la_pipeline_failure_predict.sources.remote.esri_shapes import shape_text
from la_pipeline_failure_predict.sources.remote.remote_file import (
    GEOMETRY,
    Page,
    Plan,
    RemoteFile,
    csv_text,
    version_of,
)
from la_pipeline_failure_predict.sources.remote.web import BUSY, Unfit, Web, parse_json

log = logging.getLogger(__name__)

USUAL_PAGE = 1_000
SAMPLE = 100
"""Features whose size stands for that of all."""
UNREADABLE_TYPES = {"esriFieldTypeGeometry", "esriFieldTypeBlob", "esriFieldTypeRaster"}
BAD_TOKEN = {498, 499}
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# The names of Windows that servers use for the zones of North America.
ZONES = {
    "Pacific Standard Time": "America/Los_Angeles",
    "Mountain Standard Time": "America/Denver",
    "US Mountain Standard Time": "America/Phoenix",
    "Central Standard Time": "America/Chicago",
    "Eastern Standard Time": "America/New_York",
    "Atlantic Standard Time": "America/Halifax",
    "Newfoundland Standard Time": "America/St_Johns",
    "Alaskan Standard Time": "America/Anchorage",
    "Hawaiian Standard Time": "Pacific/Honolulu",
}

Json = dict[str, Any]


class ArcGISLayer(RemoteFile):
    """A layer or table of a feature or map service, as CSV with shapes as well-known text.

    Parameters
    ----------
    url
        Of the service or of the layer.
    layer
        Its number, where the address is that of a service.
    where
        SQL of the features to fetch; all of them without it.
    since
        Fetch what was edited from this day on.
    """

    def __init__(
        self,
        settings: Settings,
        url: str,
        layer: int | None = None,
        where: str | None = None,
        since: dt.date | None = None,
    ) -> None:
        address, token = without_token(check_address(url).rstrip("/"))
        self._service = address.rstrip("/").removesuffix("/query")
        self._layer, self._where, self._since = layer, where, since
        self._web = Web(settings, [address], arcgis_headers(settings, address, token))
        self._ids: list[int] = []

    def look(self) -> Plan:
        """Return what the layer holds now."""
        about = self._describe()
        self._ids = self._object_ids(about)
        if not self._ids:
            raise UserError(
                f"{shown(self._url)} has no features{' where ' + self._condition(about)}: check "
                "the address and the condition."
            )
        edited = (about.get("editingInfo") or {}).get("dataLastEditDate") or (
            about.get("editingInfo") or {}
        ).get("lastEditDate")
        return Plan(
            file_name="features.csv",
            url=shown(f"{self._url}/query?where={self._condition(about)}"),
            version=version_of(self._url, self._condition(about), self._columns, edited, self._ids),
            is_dated=edited is not None,
            rows=len(self._ids),
            licence=first_line(about["copyrightText"]) if about.get("copyrightText") else None,
            head=csv_text([self._columns]),
        )

    def sample_size(self) -> int:
        """Return how many bytes the file will have, after the first features; call look() first."""
        first = self._ids[:SAMPLE]
        rows = list(self._rows(first))
        return len(csv_text(rows)) * len(self._ids) // len(first)

    def pages(self, plan: Plan, position: int) -> Iterator[Page]:
        """Yield the features after their object ids."""
        for start in range(position, len(self._ids), self._page):
            wanted = self._ids[start : start + self._page]
            content = csv_text(self._rows(wanted))
            yield Page(content, len(wanted), start + len(wanted))

    def recheck(self, plan: Plan, path: Path) -> None:
        """Check that the layer was not edited."""
        self.__dict__.pop("_about", None)
        super().recheck(plan, path)

    def _describe(self) -> Json:
        about = self._about
        if about.get("type") not in ("Feature Layer", "Table") or not about.get("fields"):
            raise UserError(
                f"{shown(self._url)} is no layer with features (it is {about.get('type')!r}): "
                "name another one."
            )
        return about

    @cached_property
    def _url(self) -> str:
        last = self._service.rpartition("/")[2]
        if self._layer is not None and not last.isdigit():
            return f"{self._service}/{self._layer}"
        if last.isdigit():
            return self._service
        found = self._ask(self._service)
        layers = [*(found.get("layers") or []), *(found.get("tables") or [])]
        if len(layers) == 1:
            return f"{self._service}/{layers[0]['id']}"
        names = ", ".join(f"{layer['id']} ({layer.get('name')})" for layer in layers[:12])
        raise UserError(
            f"{shown(self._service)} has {len(layers)} layers: {names or 'none'}; name one, for "
            "example `layer: 0`."
        )

    @cached_property
    def _about(self) -> Json:
        return self._ask(self._url)

    @property
    def _fields(self) -> list[Json]:
        return [field for field in self._about["fields"] if field["type"] not in UNREADABLE_TYPES]

    @property
    def _columns(self) -> list[str]:
        names = [field["name"] for field in self._fields]
        return [*names, GEOMETRY] if self._about.get("geometryType") else names

    @cached_property
    def _id_name(self) -> str:
        ids = [field["name"] for field in self._fields if field["type"] == "esriFieldTypeOID"]
        name = self._about.get("objectIdField") or (ids[0] if ids else None)
        if not name:
            raise UserError(
                f"{shown(self._url)} has no object ids, so that its rows cannot be counted off: "
                "export the layer on the portal, and load the file."
            )
        return name

    @property
    def _page(self) -> int:
        return int(self._about.get("maxRecordCount") or USUAL_PAGE)

    def _condition(self, about: Json) -> str:
        parts = [f"({self._where})"] if self._where else []
        if self._since:
            edited = (about.get("editFieldsInfo") or {}).get("editDateField")
            if not edited:
                raise UserError(
                    f"{shown(self._url)} does not say when a feature was edited: leave out "
                    "--since, or name a date of your own with --where."
                )
            parts.append(f"{edited} >= TIMESTAMP '{self._since} 00:00:00'")
        return " AND ".join(parts) or "1=1"

    def _object_ids(self, about: Json) -> list[int]:
        answer = self._query("objectIds", where=self._condition(about), returnIdsOnly="true")
        return sorted(set(map(int, answer.get("objectIds") or [])))

    def _rows(self, wanted: Sequence[int]) -> Iterator[list[object]]:
        """Yield the features of object ids, in their order, asking again for those not given."""
        found: dict[int, Json] = {}
        missing, idle = list(wanted), 0
        while missing:
            new = self._features(missing)
            found |= new
            idle = 0 if new else idle + 1
            missing = [number for number in missing if number not in found]
            if idle == self._web.tries:
                raise UserError(
                    f"{shown(self._url)} lists {len(missing):,} features that it does not give, "
                    f"the first of them {self._id_name} {missing[0]}: try again later. What was "
                    "fetched is kept."
                )
            self._web.wait(idle)
        read = [self._readers[field["name"]] for field in self._fields]
        names = [field["name"] for field in self._fields]
        has_shapes = self._columns[-1] == GEOMETRY
        for number in wanted:
            attributes = found[number]["attributes"]
            row = [
                reader(attributes.get(name), attributes)
                for name, reader in zip(names, read, strict=True)
            ]
            yield [*row, shape_text(found[number].get("geometry"))] if has_shapes else row

    def _features(self, wanted: Sequence[int]) -> dict[int, Json]:
        """Return those of the wanted features that the server gives, by object id."""
        name, among = self._id_name, set(wanted)
        span = f"{name} >= {wanted[0]} AND {name} <= {wanted[-1]}"
        condition = self._condition(self._about)
        where = span if condition == "1=1" else f"{condition} AND {span}"
        answer = self._query(
            "features",
            where=where,
            outFields="*",
            outSR="4326",
            returnGeometry="true",
            geometryPrecision="7",
        )
        features = {}
        for feature in answer["features"]:
            number = feature.get("attributes", {}).get(name)
            if number is not None and int(number) in among:
                features[int(number)] = feature
        return features

    @cached_property
    def _readers(self) -> Mapping[str, "_Reader"]:
        types = {item["id"]: item for item in self._about.get("types") or []}
        type_name = self._about.get("typeIdField")
        zone = _zone(self._about.get("dateFieldsTimeReference") or {})
        return {
            field["name"]: _Reader(field, type_name, types, zone) for field in self._about["fields"]
        }

    def _query(self, key: str, **parameters: str) -> Json:
        """Return an answer that has a key."""
        data = {"f": "json", **parameters}
        return self._ask(f"{self._url}/query", key, method="POST", data=data)

    def _ask(self, url: str, key: str | None = None, **request: Any) -> Json:  # noqa: ANN401
        if "data" not in request:
            request["params"] = {"f": "json"}

        def accept(content: bytes) -> Json:
            answer = self._checked(parse_json(content))
            if key and key not in answer:
                raise Unfit(f"answers without {key}")
            return answer

        return self._web.ask(url, accept, **request)

    def _checked(self, answer: Any) -> Json:  # noqa: ANN401
        """Return an answer that is none of the errors that servers report as a success."""
        if not isinstance(answer, dict):
            raise Unfit("answers with what is no object")
        error = answer.get("error")
        if error is None:
            return answer
        code = error.get("code") if isinstance(error, dict) else None
        if code in BAD_TOKEN:
            raise UserError(
                f"{host_of(self._service)} wants a token, or no longer takes this one: get a new "
                "one on its portal, and set LA_PIPES_ARCGIS_TOKEN and LA_PIPES_ARCGIS_TOKEN_HOST."
            )
        said = first_line(error.get("message") if isinstance(error, dict) else error)
        if code in BUSY:
            raise Unfit(f"answers with the error {code} ({said})")
        raise UserError(
            f"{shown(self._service)} answers with an error ({said}): check the address, the layer "
            "and the condition."
        )


class _Reader:
    """Reads the values of one field: dates as text, codes as the names they stand for."""

    def __init__(
        self, field: Json, type_name: str | None, types: Mapping[Any, Json], zone: dt.tzinfo
    ) -> None:
        self._is_date = field["type"] == "esriFieldTypeDate"
        self._zone, self._type_name = zone, type_name
        self._names = _coded_values(field.get("domain"))
        if field["name"] == type_name:
            self._names = {number: item.get("name") for number, item in types.items()}
        self._names_by_type = {
            number: _coded_values((item.get("domains") or {}).get(field["name"]))
            for number, item in types.items()
        }

    def __call__(self, value: Any, attributes: Json) -> object:  # noqa: ANN401
        if value is None:
            return None
        if self._is_date:
            return _moment(value, self._zone)
        names = self._names_by_type.get(attributes.get(self._type_name or "")) or self._names
        return names.get(value, value) if names else value


def _coded_values(domain: Json | None) -> dict[Any, Any]:
    return {item["code"]: item["name"] for item in (domain or {}).get("codedValues") or []}


def _moment(value: Any, zone: dt.tzinfo) -> object:  # noqa: ANN401
    """Return milliseconds since 1970 as a moment in the time of the layer; texts as they are."""
    if not isinstance(value, int):
        return value
    try:
        moment = (EPOCH + dt.timedelta(milliseconds=value)).astimezone(zone)
    except OverflowError:
        return value
    return moment.isoformat(sep="T", timespec="milliseconds" if value % 1000 else "seconds")


def _zone(reference: Json) -> dt.tzinfo:
    """Return the zone in which the days of a layer were meant."""
    name = reference.get("timeZoneIANA") or reference.get("timeZone") or "UTC"
    try:
        return ZoneInfo(ZONES.get(name, name))
    except (ZoneInfoNotFoundError, ValueError):
        log.warning("unknown time zone %s: dates are in UTC", name)
        return dt.UTC
