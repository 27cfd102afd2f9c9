"""Read a sheet of an Excel workbook: which one, where its header is, and its rows as text."""

import datetime as dt
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
from python_calamine import (
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.sources.archives import check_archive
from la_pipeline_failure_predict.sources.csv_rows import distinct_names
from la_pipeline_failure_predict.sources.mapping import SourceMapping, one_line

SUFFIXES = {".xlsx", ".xlsm", ".xls"}
SEARCHED_ROWS = 50
"""Among which the header is."""
FULL_SHARE = 0.6
"""Of the fullest row's cells that a header fills; a title or a group of headers fills fewer."""
ROWS_AT_ONCE = 20_000
MOST_CELLS = 100_000_000
"""Of a sheet, down to its last row and across to its last column, with the empty ones."""
CELL = re.compile(rb"""["']([A-Z]{1,3})([0-9]{1,7})["']""")
FAR_CELL = re.compile(
    rb"""["']([A-Z]{2,3}(?=[0-9]+["'])|[A-Z](?=[0-9]{6,7}["']))([0-9]{1,7})["']"""
)
"""A cell outside of what any workbook may reach to, which is looked for first: it is faster."""
NEAR_ROW, NEAR_COLUMN = 99_999, 26
CHUNK_BYTES = 1 << 20
EXACT_BELOW = 1e15
"""Whole numbers are exact in a cell up to here."""

Cell = str | int | float | bool | dt.date | dt.time | dt.timedelta
Row = Sequence[Cell]


def list_sheets(path: Path) -> list[str]:
    """Return the names of the sheets that hold something and are not hidden.

    Raises
    ------
    UserError
        If the file is no workbook, or is protected.
    """
    with _opened(path) as book:
        return _filled_sheets(book)


def read_sheet(path: Path, mapping: SourceMapping) -> tuple[Iterator[pa.Table], str]:
    """Return the rows of a sheet in batches, as text, and where its header is, if not at the top.

    The sheet is the only one that holds something, unless the mapping names one. The header is the
    row that holds the mapping's headers, else the first full row of texts.

    Raises
    ------
    UserError
        If the file is no workbook, or the sheet or its header is not there, or one of several
        sheets is not named.
    """
    with _opened(path) as book:
        name = _choose_sheet(book, path, mapping.sheet)
        rows: Iterator[Row] = iter(book.get_sheet_by_name(name).iter_rows())
    first = list(islice(rows, max(SEARCHED_ROWS, mapping.header_row or 0)))
    place = _header_place(first, mapping)
    if place is None:
        row = f"row {mapping.header_row}" if mapping.header_row else "its first rows"
        raise UserError(
            f"The sheet {name!r} of {path} has no header in {row}: name the row that holds the "
            "headers in a mapping, for example `header_row: 3`."
        )
    names = distinct_names(_text(cell) or "" for cell in first[place])
    told = f"the header is row {place + 1} of the sheet {name!r}; what is above it is left out"
    return _batches(chain(first[place + 1 :], rows), names), told if place else ""


@contextmanager
def _opened(path: Path) -> Iterator[CalamineWorkbook]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            check_archive(archive, path)
            _check_extent(archive, path)
    try:
        with CalamineWorkbook.from_path(path) as book:
            yield book
    except UserError:
        raise
    except PasswordError:
        raise UserError(f"{path} is protected by a password: save it without one.") from None
    except Exception as error:
        raise UserError(
            f"{path} cannot be read as an Excel workbook ({first_line(error, 120)}): fetch it "
            "again, or save the sheet as CSV."
        ) from None


def _check_extent(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse a workbook with a cell so far out that the empty ones before it fill the memory."""
    for item in archive.namelist():
        if not re.fullmatch(r"xl/worksheets/[^/]+\.xml", item):
            continue
        last_row, last_column = _reach(archive, item, FAR_CELL)
        if max(last_row, NEAR_ROW) * max(last_column, NEAR_COLUMN) > MOST_CELLS:
            last_row, last_column = _reach(archive, item, CELL)
        if last_row * last_column > MOST_CELLS:
            raise UserError(
                f"A sheet of {path} reaches to row {last_row:,} and column {last_column:,}: delete "
                "what is far from the table, or save the sheet as CSV."
            )


def _reach(archive: zipfile.ZipFile, sheet: str, cell: re.Pattern[bytes]) -> tuple[int, int]:
    """Return the last row and the last column of a sheet's cells that a pattern finds."""
    columns: set[bytes] = set()
    last_row, left = 0, b""
    with archive.open(sheet) as content:
        while chunk := content.read(CHUNK_BYTES):
            cells = cell.findall(left + chunk)
            columns.update(column for column, _ in cells)
            last_row = max([last_row, *(int(row) for _, row in cells)])
            left = chunk[-16:]
    return last_row, max(map(_column_number, columns), default=0)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _filled_sheets(book: CalamineWorkbook) -> list[str]:
    shown = [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible
    ]
    if len(shown) == 1:  # without reading it now and once more later
        return shown
    return [name for name in shown if book.get_sheet_by_name(name).end is not None]


def _choose_sheet(book: CalamineWorkbook, path: Path, wanted: str | int | None) -> str:
    """Return the name of the sheet to read."""
    names = book.sheet_names
    if wanted is not None:
        by_name = {name.strip().lower(): name for name in names}
        if str(wanted).strip().lower() in by_name:
            return str(by_name[str(wanted).strip().lower()])
        number = int(wanted) if str(wanted).isdecimal() else 0
        if 1 <= number <= len(names):
            return str(names[number - 1])
        raise UserError(f"{path} has no sheet {wanted!r}; it has {', '.join(names)}.")
    filled = _filled_sheets(book)
    if len(filled) == 1:
        return filled[0]
    if not filled:
        raise UserError(f"{path} has no rows: ask for the delivery again, or leave it out.")
    raise UserError(
        f"{path} has {len(filled)} sheets: {', '.join(filled)}; name one in a mapping, for example "
        f"`sheet: {filled[0]}`."
    )


def _header_place(rows: Sequence[Row], mapping: SourceMapping) -> int | None:
    """Return which of the first rows is the header; None where none is."""
    filled = [sum(_text(cell) is not None for cell in row) for row in rows]
    if mapping.header_row is not None:
        place = mapping.header_row - 1
        return place if place < len(rows) and filled[place] else None
    named = mapping.named_headers
    found = [sum(one_line(_text(cell) or "") in named for cell in row) for row in rows]
    if any(found):
        return found.index(max(found))
    full = [place for place, cells in enumerate(filled) if cells >= FULL_SHARE * max(filled)]
    texts = [place for place in full if all(isinstance(cell, str) for cell in rows[place])]
    return next(iter(texts or full), None) if any(filled) else None


def _batches(rows: Iterable[Row], names: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the rows that hold something, without columns beyond the header's that hold nothing."""
    texts = ([_text(cell) for cell in row] for row in rows)
    given = (row for row in texts if any(cell is not None for cell in row))
    while batch := list(islice(given, ROWS_AT_ONCE)):
        columns = list(zip(*batch, strict=True))
        yield pa.table(
            {name: pa.array(cells, pa.string()) for name, cells in zip(names, columns, strict=True)}
        )


def _text(cell: Cell) -> str | None:
    """Return a cell as people read it; a whole number has no decimals, and a day no time."""
    if isinstance(cell, str):
        return cell if cell.strip() else None
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < EXACT_BELOW else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ")
    return cell.isoformat() if isinstance(cell, dt.date) else str(cell)
