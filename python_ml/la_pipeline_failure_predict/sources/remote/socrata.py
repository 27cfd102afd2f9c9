"""Datasets of Socrata portals, such as data.lacity.org: pages in a fixed order, counted."""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.remote.authentication import (
    check_address,
    host_of,
    shown,
    socrata_headers,
)
from la_pipeline_failure_predict.sources.remote.remote_file import (
    Page,
    Plan,
    RemoteFile,
    csv_text,
    version_of,
)
from la_pipeline_failure_predict.sources.remote.web import Unfit, Web, check_no_page

PAGE_ROWS = 20_000
DATASET = re.compile(r"([a-z0-9]{4}-[a-z0-9]{4})(?=$|[/.?])")
ROW_ID = ":id"
"""Name by which a portal tells rows apart; it is no part of the data."""


class SocrataDataset(RemoteFile):
    """A dataset of a portal, as CSV.

    Parameters
    ----------
    address
        Of the dataset, with its identifier of eight letters: ``data.lacity.org/jz5f-87wj``.
    """

    def __init__(
        self,
        settings: Settings,
        address: str,
        where: str | None = None,
        since: dt.date | None = None,
        page_rows: int = PAGE_ROWS,
    ) -> None:
        url = address if "://" in address else f"https://{address}"
        found = DATASET.findall(url)
        if not found:
            raise UserError(f"{shown(url)} names no dataset: its identifier looks like jz5f-87wj.")
        scheme = check_address(url).partition("://")[0]
        self._server, self._dataset = f"{scheme}://{host_of(url)}", found[-1]
        self._resource = f"{self._server}/resource/{self._dataset}"
        parts = [f"({where})"] if where else []
        parts += [f":updated_at >= '{since}T00:00:00'"] if since else []
        self._where = {"$where": " AND ".join(parts)} if parts else {}
        self._page_rows = page_rows
        self._columns: list[str] = []
        self._web = Web(settings, [self._server], socrata_headers(settings))

    def look(self) -> Plan:
        """Return what the portal says of the dataset, and how many rows it has."""
        about = self._web.json(f"{self._server}/api/views/{self._dataset}.json")
        if not isinstance(about, dict) or not about.get("columns"):
            raise UserError(f"{self._resource} is no table: name a dataset that has rows.")
        names = [column["fieldName"] for column in about["columns"]]
        self._columns = [name for name in names if not name.startswith(":")]
        rows = self._count()
        if not rows:
            raise UserError(f"{self._resource} has no such rows: check the condition.")
        updated = about.get("rowsUpdatedAt")
        query = f"?{urlencode(self._where)}" if self._where else ""
        return Plan(
            file_name=f"{self._dataset}.csv",
            url=shown(f"{self._resource}.csv{query}"),
            version=version_of(self._resource, self._where, self._columns, updated, rows),
            is_dated=updated is not None,
            rows=rows,
            licence=(about.get("license") or {}).get("name"),
            head=csv_text([self._columns]),
        )

    def _count(self) -> int:
        def accept(content: bytes) -> int:
            rows = _read(content)
            if len(rows) != 2 or not rows[1] or not rows[1][0].isdigit():
                raise Unfit("does not say how many rows it has")
            return int(rows[1][0])

        params = {"$select": "count(*)", **self._where}
        return self._web.ask(f"{self._resource}.csv", accept, params=params)

    def pages(self, plan: Plan, position: int) -> Iterator[Page]:
        """Yield the rows in the portal's order of their names."""
        total, seen = plan.rows or 0, set[str]()
        while position < total:
            rows = self._rows(position, min(self._page_rows, total - position), seen)
            seen.update(row[0] for row in rows)
            position += len(rows)
            yield Page(csv_text([row[1:] for row in rows]), len(rows), position)

    def _rows(self, position: int, wanted: int, seen: set[str]) -> list[list[str]]:
        params: dict[str, Any] = {
            "$select": ",".join([ROW_ID, *self._columns]),
            "$order": ROW_ID,
            "$limit": wanted,
            "$offset": position,
            **self._where,
        }

        def accept(content: bytes) -> list[list[str]]:
            head, *rows = _read(content) or [[]]
            if head != [ROW_ID, *self._columns] or any(len(row) != len(head) for row in rows):
                raise Unfit("answers with what is not the columns that were asked for")
            names = {row[0] for row in rows}
            if len(rows) != wanted or len(names) != wanted:
                raise Unfit(f"gives {len(names):,} rows instead of {wanted:,}")
            if names & seen:
                raise Unfit("gives rows that it gave before")
            return rows

        return self._web.ask(f"{self._resource}.csv", accept, params=params)


def _read(content: bytes) -> list[list[str]]:
    """Return the rows of CSV that is whole."""
    check_no_page(content)
    text = content.decode("utf-8-sig", errors="replace")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        raise Unfit("answers with what is no complete CSV") from None
    if not text.endswith("\n"):
        raise Unfit("answers with what is no complete CSV")
    return rows
