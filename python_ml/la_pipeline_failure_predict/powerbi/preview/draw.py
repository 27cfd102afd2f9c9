"""Draw a page: the picture of each visual at its place, and a line that says what it is."""

from collections.abc import Callable, Mapping
from typing import IO

import numpy as np
from matplotlib import colors, rc_context
from PIL import Image

from la_pipeline_failure_predict.powerbi.preview.charts import draw_chart, draw_scatter
from la_pipeline_failure_predict.powerbi.preview.maps import draw_map
from la_pipeline_failure_predict.powerbi.preview.number_format import BLANK
from la_pipeline_failure_predict.powerbi.preview.panel import (
    LINE_HEIGHT,
    NO_ROWS,
    PADDING,
    PIXELS_PER_POINT,
    TEXT_SIZE,
    Panel,
    style,
)
from la_pipeline_failure_predict.powerbi.preview.rows import Rows
from la_pipeline_failure_predict.powerbi.preview.tables import draw_matrix, draw_table
from la_pipeline_failure_predict.powerbi.report import Page, Report, Visual
from la_pipeline_failure_predict.powerbi.theme import BAND, INK, LINE, MUTED_INK, PAPER, STYLES

LABEL = "Preview drawn with matplotlib from the data of the warehouse; not a screenshot of Power BI"
FOOT_PIXELS = 22
HEADING_SIZE = 18
FIGURE_SIZE = STYLES["cardVisual"]["value"]["fontSize"]
# These have no frame and no title.
BARE = ("textbox", "actionButton")

Draw = Callable[[Panel, Visual, Rows], None]


def draw_page(report: Report, page: Page, rows: Mapping[str, Rows], file: IO[bytes]) -> None:
    """Write a page as a PNG of its size.

    Parameters
    ----------
    rows
        What each visual shows, by its key.
    """
    with rc_context(style()):
        picture = np.empty((page.height, page.width, 3), dtype=np.uint8)
        picture[:] = 255 * np.array(colors.to_rgb(BAND))
        # The foot is not part of the page, which gives way a little.
        shrink = (page.height - FOOT_PIXELS) / page.height
        for visual in page.visuals:
            top, bottom = round(visual.y * shrink), round((visual.y + visual.height) * shrink)
            panel = Panel(visual.width, bottom - top, BAND if visual.kind in BARE else PAPER)
            _draw_visual(panel, visual, rows.get(visual.key))
            picture[top:bottom, visual.x : visual.x + visual.width] = panel.pixels()
        picture[page.height - FOOT_PIXELS :] = _foot(report, page)
        Image.fromarray(picture).save(file, "PNG")


def _draw_visual(panel: Panel, visual: Visual, rows: Rows | None) -> None:
    if visual.kind not in BARE:
        panel.frame()
        panel.title(visual.title)
    if rows is None:
        WITHOUT_ROWS[visual.kind](panel, visual)
    elif rows.has_data or visual.kind == "cardVisual":
        WITH_ROWS[visual.kind](panel, visual, rows)
    else:
        panel.say(NO_ROWS)


def _draw_card(panel: Panel, visual: Visual, rows: Rows) -> None:
    """Write each figure, named where there are several."""
    measures = visual.roles["Data"]
    room = panel.height - panel.top
    size = min(FIGURE_SIZE, room / PIXELS_PER_POINT / LINE_HEIGHT)
    height = size * PIXELS_PER_POINT * LINE_HEIGHT
    for number, measure in enumerate(measures):
        x = panel.width * (number + 0.5) / len(measures)
        value = next(iter(rows.values[measure]), None)
        text = BLANK if value is None else rows.text(measure, value)
        y = panel.top + (room - height) / 2 - PADDING / 2
        panel.write(x, y, text, size=size, align="center")
        if len(measures) > 1:
            panel.write(x, y + height, measure.name, color=MUTED_INK, align="center")


def _draw_slicer(panel: Panel, visual: Visual) -> None:
    height = panel.height - panel.top - PADDING
    right, middle = panel.width - 2 * PADDING, panel.top + height / 2
    edge = [
        (PADDING, panel.top),
        (panel.width - PADDING, panel.top),
        (panel.width - PADDING, panel.top + height),
        (PADDING, panel.top + height),
        (PADDING, panel.top),
    ]
    panel.line(edge, LINE)
    panel.write(2 * PADDING, middle - TEXT_SIZE * PIXELS_PER_POINT * LINE_HEIGHT / 2, "All")
    panel.line([(right - 8, middle - 2), (right - 4, middle + 2), (right, middle - 2)], INK)


def _draw_text(panel: Panel, visual: Visual) -> None:
    panel.write(PADDING, panel.top, visual.title, size=HEADING_SIZE, weight="bold")


def _draw_back(panel: Panel, visual: Visual) -> None:
    x, y = panel.width / 2, panel.height / 2
    panel.dot(x, y, 16, MUTED_INK)
    panel.line([(x + 8, y), (x - 7, y)], PAPER, 2)
    panel.line([(x - 1, y - 6), (x - 7, y), (x - 1, y + 6)], PAPER, 2)


def _foot(report: Report, page: Page) -> np.ndarray:
    panel = Panel(page.width, FOOT_PIXELS, PAPER)
    panel.line([(0, 0), (page.width, 0)], LINE)
    panel.write(PADDING, 2, f"{report.label} · {page.name}", color=MUTED_INK)
    panel.write(page.width - PADDING, 2, LABEL, color=MUTED_INK, align="right")
    return panel.pixels()


WITHOUT_ROWS: Mapping[str, Callable[[Panel, Visual], None]] = {
    "actionButton": _draw_back,
    "slicer": _draw_slicer,
    "textbox": _draw_text,
}
WITH_ROWS: Mapping[str, Draw] = {
    "azureMap": draw_map,
    "barChart": draw_chart,
    "cardVisual": _draw_card,
    "clusteredBarChart": draw_chart,
    "clusteredColumnChart": draw_chart,
    "columnChart": draw_chart,
    "lineChart": draw_chart,
    "lineClusteredColumnComboChart": draw_chart,
    "pivotTable": draw_matrix,
    "scatterChart": draw_scatter,
    "tableEx": draw_table,
}
