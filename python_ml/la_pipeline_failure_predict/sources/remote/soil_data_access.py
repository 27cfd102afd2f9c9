"""USDA Soil Data Access: soil surveys by SQL, as the folder that the source ssurgo reads.

The service answers `{}` where nothing is found, gives at most 100,000 rows or 32 MB an answer, and
takes its time. So that each row is asked for once, a page begins after the last key before it.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.remote.authentication import check_address, shown
from la_pipeline_failure_predict.sources.remote.remote_file import (
    GEOMETRY,
    Page,
    Plan,
    RemoteFile,
    csv_text,
    version_of,
)
from la_pipeline_failure_predict.sources.remote.web import Unfit, Web, parse_json

SERVER = "https://sdmdataaccess.sc.egov.usda.gov"
LICENCE = "public domain (USDA NRCS)"
BAR = "|"
AREA = re.compile(r"[A-Z]{2}\d{3}")
PAGE_ROWS = 5_000
UNITS_AT_ONCE = 20
"""Map units whose shapes are asked for together."""
SHAPES_AT_ONCE = 500
SURE = 2
"""Answers without a shape, one after the other, that mean that there is none."""
# Table -> (its file in a survey's folder, its columns, the key first).
TABLES = {
    "mapunit": ("mapunit.txt", ("mukey", "musym", "muname", "mukind", "lkey")),
    "component": (
        "comp.txt",
        (
            *("cokey", "mukey", "compname", "comppct_r", "majcompflag", "drainagecl", "hydgrp"),
            *("corsteel", "corcon"),
        ),
    ),
    "chorizon": (
        "chorizon.txt",
        (
            *("chkey", "cokey", "hzname", "hzdept_r", "hzdepb_r", "ph1to1h2o_r", "ec_r"),
            *("lep_r", "claytotal_r"),
        ),
    ),
}
JOINS = (
    ("legend", ""),
    ("mapunit", "INNER JOIN mapunit ON mapunit.lkey = legend.lkey"),
    ("component", "INNER JOIN component ON component.mukey = mapunit.mukey"),
    ("chorizon", "INNER JOIN chorizon ON chorizon.cokey = component.cokey"),
)

Box = Sequence[float]


def survey_files(
    settings: Settings, areas: Sequence[str], box: Box | None, server: str | None = None
) -> list[RemoteFile]:
    """Return the files of a survey: its tables, and the list of their columns.

    Parameters
    ----------
    areas
        Symbols of survey areas, such as CA696.
    box
        West, south, east and north, degrees: shapes that reach into it are fetched.

    Raises
    ------
    UserError
        If an area or the box is none.
    """
    service = _Service(settings, areas, box, server)
    return [*(SurveyTable(service, table) for table in TABLES), ColumnList()]


class _Service:
    """The service, and what is asked of it."""

    def __init__(
        self, settings: Settings, areas: Sequence[str], box: Box | None, server: str | None
    ) -> None:
        self.areas = [area.strip().upper() for area in areas]
        if wrong := [area for area in self.areas if not AREA.fullmatch(area)]:
            raise UserError(f"{wrong[0]!r} is no soil survey area, which looks like CA696.")
        self.box = _checked_box(box) if box else None
        self.url = check_address(f"{server or SERVER}/Tabular/post.rest")
        self._web = Web(settings, [self.url], {})
        self._versions: list[list[Any]] = []

    @property
    def listed(self) -> str:
        return ", ".join(f"'{area}'" for area in self.areas)

    def versions(self) -> list[list[Any]]:
        """Return each area with the day of its version; asked for once."""
        if not self._versions:
            self._versions = self.query(
                ["areasymbol", "saverest"],
                f"FROM sacatalog WHERE areasymbol IN ({self.listed}) ORDER BY areasymbol",
            )
        missing = set(self.areas) - {row[0] for row in self._versions}
        if missing:
            raise UserError(
                f"Soil Data Access has no survey of {', '.join(sorted(missing))}: check the area."
            )
        return self._versions

    def count(self, sql: str) -> int:
        """Return the number of rows of a query."""
        for attempt in range(self._web.tries):
            self._web.wait(attempt)
            if rows := self.query(["COUNT(*) AS n"], sql):
                return int(rows[0][0])
        raise UserError(f"{shown(self.url)} does not say how many rows it has: try again later.")

    def is_left(self, sql: str, attempt: int) -> bool:
        """Return whether another try may find what an empty answer leaves out."""
        if attempt >= self._web.tries or not self.count(sql):
            return False
        self._web.wait(attempt)
        return True

    def forget(self) -> None:
        """Ask again for what was asked once."""
        self._versions = []

    def query(
        self, columns: Sequence[str], sql: str, top: int | None = None, after: int | None = None
    ) -> list[list[Any]]:
        """Return the rows of a query, in the order of the columns.

        Parameters
        ----------
        after
            The first column is a key that goes up, from this one on.
        """
        first = f"SELECT {f'TOP {top} ' if top else ''}"
        query = f"{first}{', '.join(columns)} {sql}"
        names = [column.rpartition(" AS ")[2].rpartition(".")[2] for column in columns]

        def accept(content: bytes) -> list[list[Any]]:
            answer = parse_json(content)
            rows = answer.get("Table", [names]) if isinstance(answer, dict) else None
            if not rows or [str(name).lower() for name in rows[0]] != names:
                raise Unfit("answers with other columns than those asked for")
            if any(len(row) != len(names) for row in rows):
                raise Unfit("answers with rows that are not whole")
            keys = [int(row[0]) for row in rows[1:]] if after is not None else []
            if keys and (keys != sorted(set(keys)) or keys[0] <= int(after or 0)):
                raise Unfit("gives rows that it gave before")
            return rows[1:]

        body = {"query": query, "format": "JSON+COLUMNNAME"}
        return self._web.ask(self.url, accept, method="POST", json=body)


class SurveyTable(RemoteFile):
    """A table of a survey, as its folder has it: no header, a bar between values."""

    def __init__(self, service: _Service, table: str) -> None:
        self._service, self._table = service, table
        self._file, columns = TABLES[table]
        self._key = columns[0]
        self._has_shapes = table == "mapunit"

    def look(self) -> Plan:
        """Return what the service says of the surveys, and how many rows the table has."""
        versions = self._service.versions()
        rows = self._service.count(self._from())
        if not rows:
            raise UserError(f"Soil Data Access has no rows of {self._table} for these areas.")
        return Plan(
            file_name=self._file,
            url=shown(self._service.url),
            version=version_of(self._table, versions, rows, self._service.box),
            is_dated=True,
            rows=rows,
            licence=LICENCE,
        )

    def pages(self, plan: Plan, position: int) -> Iterator[Page]:
        """Yield rows in the order of their keys; `position` is the last key."""
        columns = [f"{self._table}.{name}" for name in _columns(self._table, with_shape=False)]
        key = f"CAST({self._table}.{self._key} AS BIGINT)"
        size = UNITS_AT_ONCE if self._has_shapes and self._service.box else PAGE_ROWS
        idle = 0
        while True:
            rest = f"{self._from()} AND {key} > {position}"
            rows = self._service.query(columns, f"{rest} ORDER BY {key}", size, position)
            if not rows:
                idle += 1
                if self._service.is_left(rest, idle):
                    continue
                return
            keys = [int(row[0]) for row in rows]
            if self._has_shapes:
                shapes = self._shapes(keys) if self._service.box else {}
                rows = [[*row, shapes.get(number)] for row, number in zip(rows, keys, strict=True)]
            position = keys[-1]
            yield Page(csv_text(rows, BAR), len(rows), position)

    def recheck(self, plan: Plan, path: Path) -> None:
        """Check that the surveys are those of the beginning, and all rows arrived."""
        self._service.forget()
        super().recheck(plan, path)
        with path.open(newline="", encoding="utf-8") as text:
            count = sum(1 for _ in csv.reader(text, delimiter=BAR))
        if count != plan.rows:
            raise UserError(
                f"{plan.url} gives {count:,} of {plan.rows:,} rows of {self._table}: try again."
            )

    def _from(self) -> str:
        joins = []
        for table, join in JOINS:
            joins.append(join)
            if table == self._table:
                break
        listed = self._service.listed
        return f"FROM legend {' '.join(joins)} WHERE legend.areasymbol IN ({listed})"

    def _shapes(self, keys: Sequence[int]) -> dict[int, str]:
        """Return the polygons of map units that reach into the box, united, by key."""
        from la_pipeline_failure_predict.spatial.geometry import united

        west, south, east, north = self._service.box or ()
        ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
        sql = (
            f"FROM mupolygon WHERE CAST(mukey AS BIGINT) IN ({', '.join(map(str, keys))}) "
            f"AND mupolygongeo.STIntersects(geometry::STGeomFromText('POLYGON(({ring}))', 4326)) "
            "= 1 AND CAST(mupolygonkey AS BIGINT) > {last} ORDER BY CAST(mupolygonkey AS BIGINT)"
        )
        columns = ["mupolygonkey", "mukey", "mupolygongeo.STAsText() AS wkt"]
        pieces: list[tuple[int, str]] = []
        last, empty = 0, 0
        while empty < SURE:
            rows = self._service.query(columns, sql.format(last=last), SHAPES_AT_ONCE, last)
            empty = 0 if rows else empty + 1
            for number, mukey, text in rows:
                pieces.append((int(mukey), text))
                last = int(number)
        return united(pieces)


class ColumnList(RemoteFile):
    """The file of a survey's folder that names the columns of its tables."""

    def look(self) -> Plan:
        """Return what it holds."""
        rows = [
            (table, number, name, name, name)
            for table in TABLES
            for number, name in enumerate(_columns(table, with_shape=True), start=1)
        ]
        content = csv_text(rows, BAR)
        return Plan(
            file_name="mstabcol.txt",
            url="",
            version=version_of(content.decode()),
            is_dated=True,
            size=len(content),
            head=content,
        )

    def pages(self, plan: Plan, position: int) -> Iterator[Page]:
        """Yield nothing: the head is all of it."""
        yield from ()


def _columns(table: str, with_shape: bool) -> list[str]:
    shape = (GEOMETRY,) if with_shape and table == "mapunit" else ()
    return [*TABLES[table][1], *shape]


def _checked_box(box: Box) -> Box:
    is_box = len(box) == 4 and -180 <= box[0] < box[2] <= 180 and -90 <= box[1] < box[3] <= 90
    if not is_box:
        raise UserError(
            f"{list(box)} is no box: name west, south, east and north in degrees, for example "
            "[-118.67, 33.70, -118.15, 34.34]."
        )
    return box
