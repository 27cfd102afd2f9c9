"""Write an Excel workbook, as small as Excel reads one."""

import datetime as dt
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DAY_ZERO = dt.date(1899, 12, 30)
STYLES = f"""<styleSheet xmlns="{MAIN}">
<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>"""

Cell = str | int | float | dt.date | None


def write_workbook(
    path: Path, sheets: Mapping[str, Iterable[Iterable[Cell]]], hidden: Iterable[str] = ()
) -> Path:
    """Write a workbook: the rows of each sheet by its name, from the first row and column on."""
    states = {name: ' state="hidden"' if name in hidden else "" for name in sheets}
    entries = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="r{number}"{states[name]}/>'
        for number, name in enumerate(sheets, 1)
    )
    targets = {
        f"r{number}": f"worksheets/sheet{number}.xml" for number in range(1, len(sheets) + 1)
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{PACKAGE}/content-types">'
            '<Default Extension="xml" ContentType="application/xml"/></Types>',
        )
        book.writestr("_rels/.rels", _relations({"r": "xl/workbook.xml"}, "officeDocument"))
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{entries}</sheets></workbook>',
        )
        book.writestr("xl/_rels/workbook.xml.rels", _relations(targets, "worksheet"))
        book.writestr("xl/styles.xml", STYLES)
        for place, rows in zip(targets.values(), sheets.values(), strict=True):
            book.writestr(f"xl/{place}", _sheet(rows))
    return path


def _relations(targets: Mapping[str, str], kind: str) -> str:
    entries = "".join(
        f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{place}"/>'
        for key, place in targets.items()
    )
    if kind == "worksheet":
        entries += f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/>'
    return f'<Relationships xmlns="{PACKAGE}/relationships">{entries}</Relationships>'


def _sheet(rows: Iterable[Iterable[Cell]]) -> str:
    lines = (
        f'<row r="{number}">'
        + "".join(_cell(f"{_letters(column)}{number}", cell) for column, cell in enumerate(row))
        + "</row>"
        for number, row in enumerate(rows, 1)
    )
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _cell(place: str, cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, dt.date):
        return f'<c r="{place}" s="1"><v>{(cell - DAY_ZERO).days}</v></c>'
    if isinstance(cell, str):
        text = f'<t xml:space="preserve">{escape(cell)}</t>'
        return f'<c r="{place}" t="inlineStr"><is>{text}</is></c>'
    return f'<c r="{place}"><v>{cell}</v></c>'


def _letters(column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
