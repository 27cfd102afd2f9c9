"""Weather of NOAA's stations: daily files of GHCN, and summaries of the access service."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.remote.authentication import check_address, shown
from la_pipeline_failure_predict.sources.remote.files import PlainFile
from la_pipeline_failure_predict.sources.remote.remote_file import (
    Page,
    Plan,
    RemoteFile,
    csv_text,
    version_of,
)
from la_pipeline_failure_predict.sources.remote.web import Unfit, Web, parse_json

SERVER = "https://www.ncei.noaa.gov"
LICENCE = "public domain (NOAA)"
STATION = re.compile(r"[A-Z0-9]{11}")
MONTHLY = "global-summary-of-the-month"
VALUES = ("PRCP", "TAVG", "TMAX", "TMIN")
FIRST_YEAR = 1880
YEARS_AT_ONCE = 10


def daily_file(settings: Settings, station: str, server: str | None = None) -> PlainFile:
    """Return the daily record of a station, fixed width, for the source ghcn-daily."""
    return PlainFile(
        settings, f"{server or SERVER}/pub/data/ghcn/daily/all/{_checked(station)}.dly"
    )


class StationSummaries(RemoteFile):
    """Summaries of a station as CSV, in degrees Celsius and millimeters.

    Parameters
    ----------
    dataset
        Of the access service: by month, or daily-summaries.
    """

    def __init__(
        self,
        settings: Settings,
        station: str,
        dataset: str | None = None,
        since: dt.date | None = None,
        server: str | None = None,
    ) -> None:
        self._station, self._dataset = _checked(station), dataset or MONTHLY
        self._first = since or dt.date(FIRST_YEAR, 1, 1)
        self._today = dt.datetime.now(dt.UTC).date()
        self._url = check_address(f"{server or SERVER}/access/services/data/v1")
        self._web = Web(settings, [self._url], {})

    def look(self) -> Plan:
        """Return what will be asked for; the service says nothing beforehand."""
        address = f"{self._url}?dataset={self._dataset}&stations={self._station}"
        return Plan(
            file_name=f"{self._station}_{self._dataset}.csv",
            url=shown(f"{address}&startDate={self._first}&endDate={self._today}"),
            version=version_of(address, self._first, self._today),
            licence=LICENCE,
            head=csv_text([("STATION", "DATE", *VALUES)]),
        )

    def pages(self, plan: Plan, position: int) -> Iterator[Page]:
        """Yield some years at a time, from the oldest on; `position` counts years."""
        rows_before = position  # a download that goes on has had rows, or will have none at all
        for year in range(self._first.year + position, self._today.year + 1, YEARS_AT_ONCE):
            start = max(self._first, dt.date(year, 1, 1))
            end = min(self._today, dt.date(year + YEARS_AT_ONCE - 1, 12, 31))
            rows = self._rows(start, end)
            rows_before += len(rows)
            position = year + YEARS_AT_ONCE - self._first.year
            yield Page(csv_text(rows), len(rows), position)
        if not rows_before:
            raise UserError(f"{plan.url} has nothing: check the station's identifier and --since.")

    def _rows(self, start: dt.date, end: dt.date) -> list[list[str]]:
        params = {
            "dataset": self._dataset,
            "stations": self._station,
            "startDate": str(start),
            "endDate": str(end),
            "dataTypes": ",".join(VALUES),
            "units": "metric",
            "format": "json",
        }

        def accept(content: bytes) -> list[list[str]]:
            answer: Any = parse_json(content) if content.strip() else []
            if isinstance(answer, dict):
                raise UserError(f"{shown(self._url)} refuses: {first_line(answer)}.")
            rows = [_row(item) for item in answer]
            days = [row[1] for row in rows]
            if any(row[0] != self._station for row in rows) or len(set(days)) != len(days):
                raise Unfit("gives other rows than those asked for")
            if days and not str(start)[: len(days[0])] <= min(days) <= max(days) <= str(end):
                raise Unfit("gives other years than those asked for")
            return sorted(rows, key=lambda row: row[1])

        return self._web.ask(self._url, accept, params=params)


def _row(item: dict[str, Any]) -> list[str]:
    # The service pads its values with blanks.
    return [str(item.get(name) or "").strip() for name in ("STATION", "DATE", *VALUES)]


def _checked(station: str) -> str:
    if not STATION.fullmatch(station.upper()):
        raise UserError(f"{station!r} is no station of NOAA, which looks like USW00093134.")
    return station.upper()
