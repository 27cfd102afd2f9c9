"""Maps: points on a plain ground, because tiles come from a server."""

from math import cos, radians

import numpy as np

from la_pipeline_failure_predict.powerbi.preview.charts import groups_of
from la_pipeline_failure_predict.powerbi.preview.panel import NO_ROWS, PIXELS_PER_POINT, Panel
from la_pipeline_failure_predict.powerbi.preview.rows import Rows
from la_pipeline_failure_predict.powerbi.report import Visual
from la_pipeline_failure_predict.powerbi.theme import LINE, MUTED_INK, STYLES

GROUND = "#eef1f3"
NOTE = "map without its tiles"
NO_PLACES = "Power BI finds the places by name"
MARGIN = 0.04


def draw_map(panel: Panel, visual: Visual, rows: Rows) -> None:
    """Draw a point for each row that has a place."""
    if not (visual.roles.get("X") and visual.roles.get("Y")):
        panel.say(NO_PLACES)
        return
    longitudes = rows.numbers(visual.roles["X"][0])
    latitudes = rows.numbers(visual.roles["Y"][0])
    is_placed = ~(np.isnan(longitudes) | np.isnan(latitudes))
    if not is_placed.any():
        panel.say(NO_ROWS)
        return
    groups = list(groups_of(visual, rows))
    if visual.roles.get("Series"):
        panel.legend((name, color) for name, color, _ in groups)
    axes = panel.bare_axes()
    areas = _areas(visual, rows)
    # The first of the legend lies on top.
    for _, color, places in reversed(groups):
        drawn = [place for place in places if is_placed[place]]
        axes.scatter(
            longitudes[drawn],
            latitudes[drawn],
            s=areas[drawn],
            color=color,
            alpha=0.8,
            linewidths=0,
        )
    axes.margins(MARGIN)
    axes.set_aspect(1 / cos(radians(latitudes[is_placed].mean())), adjustable="datalim")
    axes.set(xticks=[], yticks=[], facecolor=GROUND)
    for spine in axes.spines.values():
        spine.set(visible=True, color=LINE)
    axes.text(
        0.99, 0.01, NOTE, transform=axes.transAxes, ha="right", va="bottom", color=MUTED_INK, size=8
    )


def _areas(visual: Visual, rows: Rows) -> np.ndarray:
    """Return the area of each point, square points, as the theme has their radius."""
    style = STYLES[visual.kind]["bubbleLayer"]
    radius = np.full(len(rows), float(style["bubbleRadius"]))
    if size := visual.roles.get("Size"):
        figures = np.nan_to_num(rows.numbers(size[0])).clip(min=0)
        smallest, largest = style["minBubbleRadius"], style["maxRadius"]
        radius = smallest + (largest - smallest) * np.sqrt(figures / (figures.max() or 1))
    return np.square(2 * radius / PIXELS_PER_POINT)
