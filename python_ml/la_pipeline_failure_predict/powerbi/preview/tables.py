"""Tables and matrices: as many rows as there is room for, each text cut to its column."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from la_pipeline_failure_predict.powerbi.preview.panel import (
    LINE_HEIGHT,
    PADDING,
    PIXELS_PER_POINT,
    TEXT_SIZE,
    Panel,
    fitted,
    text_width,
    wrapped,
)
from la_pipeline_failure_predict.powerbi.preview.rows import Rows
from la_pipeline_failure_predict.powerbi.report import Field, Visual
from la_pipeline_failure_predict.powerbi.theme import BAND, LINE, PAPER, STYLES

LINE_PIXELS = round(TEXT_SIZE * PIXELS_PER_POINT * LINE_HEIGHT)
ROW_PADDING = STYLES["tableEx"]["grid"]["rowPadding"]
ROW_PIXELS = LINE_PIXELS + 2 * ROW_PADDING
CELL_PADDING, MOST_HEADER_LINES = 6, 5
TOTAL = "Total"


@dataclass(frozen=True)
class Column:
    """A column as it is written."""

    name: str
    cells: Sequence[str]
    is_number: bool
    is_bold: bool = False


def draw_table(panel: Panel, visual: Visual, rows: Rows) -> None:
    """Draw the rows as a table."""
    _draw(panel, [_column(rows, field) for field in visual.roles["Values"]])


def draw_matrix(panel: Panel, visual: Visual, rows: Rows) -> None:
    """Draw figures by rows and columns, with totals."""
    _draw(panel, list(_matrix(visual, rows)), has_total=bool(visual.roles.get("Rows")))


def _column(rows: Rows, field: Field) -> Column:
    values = rows.values[field]
    is_number = any(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )
    return Column(field.name, [rows.text(field, value) for value in values], is_number)


def _matrix(visual: Visual, rows: Rows) -> Iterator[Column]:
    measures = visual.roles["Values"]
    down, across = visual.roles.get("Rows", ())[:1], visual.roles.get("Columns", ())[:1]
    by_row, by_column, everything = rows.totals
    heads = [(value,) for value in rows.distinct(down[0])] if down else []
    if down:
        names = [rows.name(down[0], value) for (value,) in heads]
        yield Column(down[0].name, [*names, TOTAL], is_number=False)
    for value in rows.distinct(across[0]) if across else ():
        for measure in measures:
            figures = rows.figures(measure, *down, *across)
            total = by_column.figures(measure, *across).get((value,))
            cells = [figures.get((*head, value)) for head in heads]
            heading = rows.name(across[0], value)
            name = f"{heading} {measure.name}" if len(measures) > 1 else heading
            yield _figures(rows, measure, name, [*cells, total])
    for measure in measures:
        figures, total = by_row.figures(measure, *down), everything.figures(measure).get(())
        cells = [figures.get(head) for head in heads]
        name = TOTAL if across and len(measures) == 1 else measure.name
        yield _figures(rows, measure, name, [*cells, total], is_bold=bool(across))


def _figures(
    rows: Rows, measure: Field, name: str, values: Sequence[Any], is_bold: bool = False
) -> Column:
    cells = [rows.text(measure, value) for value in values]
    return Column(name, cells, is_number=True, is_bold=is_bold)


def _draw(panel: Panel, columns: Sequence[Column], has_total: bool = False) -> None:
    """Draw header and rows; a last row of totals stays where others have no room."""
    free = panel.width - 2 * PADDING
    widths = _widths(columns, free)
    headers = [
        wrapped(column.name, width - 2 * CELL_PADDING, TEXT_SIZE, "bold", MOST_HEADER_LINES)
        for column, width in zip(columns, widths, strict=True)
    ]
    top = panel.top + max(len(header) for header in headers) * LINE_PIXELS + 2 * ROW_PADDING
    panel.box(PADDING, panel.top, free, top - panel.top, BAND)
    count = len(columns[0].cells)
    fitting = max(1, int((panel.height - PADDING - top) / ROW_PIXELS))
    shown = list(range(min(count, fitting)))
    if count > fitting:
        panel.scroll_bar(top, fitting / count)
        if has_total:
            shown[-1] = count - 1
    for line, row in enumerate(shown):
        y, is_total = top + line * ROW_PIXELS, has_total and row == count - 1
        panel.box(PADDING, y, free, ROW_PIXELS, BAND if line % 2 or is_total else PAPER)
        panel.line([(PADDING, y), (PADDING + free, y)], LINE)
    left = float(PADDING)
    for column, width, header in zip(columns, widths, headers, strict=True):
        for number, text in enumerate(header):
            _write(panel, column, left, width, panel.top + ROW_PADDING + number * LINE_PIXELS, text)
        for line, row in enumerate(shown):
            is_bold = column.is_bold or (has_total and row == count - 1)
            y = top + line * ROW_PIXELS + ROW_PADDING
            _write(panel, column, left, width, y, column.cells[row], is_bold)
        left += width


def _write(
    panel: Panel,
    column: Column,
    left: float,
    width: float,
    y: float,
    text: str,
    is_bold: bool = True,
) -> None:
    weight = "bold" if is_bold else "normal"
    text = fitted(text, width - 2 * CELL_PADDING + 1, TEXT_SIZE, weight)
    x = left + width - CELL_PADDING if column.is_number else left + CELL_PADDING
    panel.write(x, y, text, weight=weight, align="right" if column.is_number else "left")


def _widths(columns: Sequence[Column], free: float) -> list[float]:
    """Return widths that fill the table: headings break, then the longest texts are cut."""
    least, best = [_least(column) for column in columns], [_best(column) for column in columns]
    if sum(least) < free:
        share = min(1, (free - sum(least)) / (sum(best) - sum(least) or 1))
        widths = [low + share * (high - low) for low, high in zip(least, best, strict=True)]
    else:
        cap = _cap(
            [width for width, one in zip(least, columns, strict=True) if not one.is_number],
            free - sum(width for width, one in zip(least, columns, strict=True) if one.is_number),
        )
        widths = [
            width if one.is_number else min(width, cap)
            for width, one in zip(least, columns, strict=True)
        ]
    return [width * free / sum(widths) for width in widths]


def _cap(widths: Sequence[float], free: float) -> float:
    """Return the width to which the widest are cut, so that all of them fit."""
    left = free
    for place, width in enumerate(sorted(widths)):
        cap = left / (len(widths) - place)
        if width > cap:
            return max(cap, 0)
        left -= width
    return free


def _least(column: Column) -> float:
    """Return the width of the cells, and of the longest word of the heading."""
    words = max(text_width(word, TEXT_SIZE, "bold") for word in column.name.split())
    return max(_cells(column), words + 2 * CELL_PADDING)


def _best(column: Column) -> float:
    """Return the width of the cells and of the whole heading."""
    return max(_cells(column), text_width(column.name, TEXT_SIZE, "bold") + 2 * CELL_PADDING)


def _cells(column: Column) -> float:
    weight = "bold" if column.is_bold else "normal"
    return (
        max((text_width(cell, TEXT_SIZE, weight) for cell in column.cells), default=0)
        + 2 * CELL_PADDING
    )
