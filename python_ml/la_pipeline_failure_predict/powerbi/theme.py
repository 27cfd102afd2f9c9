"""Colors and look of the reports, for every reader: also one who does not see red or green.

Each color of the data stands out from the white page by 3 to 1, as WCAG 2.1 asks of graphics, and
from every other one in the three common kinds of color blindness. The classes of risk do not need
color to be told apart: each is darker than the one below it, down to a pale one for low risk.
"""

from collections.abc import Mapping
from typing import Any

THEME_FILE = "la_pipes.json"
# Every Desktop since October 2024 knows this name; the file of this name beside the theme is ours.
BASE_THEME = "CY24SU10"

DATA_COLORS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#332288",
    "#882255",
    "#b07aa1",
    "#117733",
    "#4b2e00",
)
# By the code of the class: darker is riskier; the many mains at low risk stay in the background.
CLASS_COLORS = {"low": "#c9d3dc", "medium": "#f2c14e", "high": "#ee7733", "very_high": "#a50026"}
GOOD, NEUTRAL, BAD = DATA_COLORS[0], "#767676", DATA_COLORS[1]
INK, MUTED_INK, LINE, BAND, PAPER = "#252423", "#5c5a58", "#d9d7d5", "#f5f4f3", "#ffffff"
BODY_FONT, HEADING_FONT = "Segoe UI", "Segoe UI Semibold"

Style = dict[str, dict[str, Any]]


def _fill(color: str) -> dict[str, Any]:
    return {"solid": {"color": color}}


_LEGEND = {"position": "Top", "showTitle": False, "labelColor": _fill(INK), "fontSize": 10}
_CATEGORIES = {"showAxisTitle": False, "gridlineShow": False, "labelColor": _fill(MUTED_INK)}
_VALUES = {
    "showAxisTitle": True,
    "gridlineColor": _fill(LINE),
    "labelColor": _fill(MUTED_INK),
    "titleColor": _fill(MUTED_INK),
}
_COLUMNS: Style = {"legend": _LEGEND, "categoryAxis": _CATEGORIES, "valueAxis": _VALUES}
# A bar has its value at its end, so its axis would say the same twice.
_BARS: Style = {
    "legend": _LEGEND,
    "categoryAxis": _CATEGORIES,
    "valueAxis": {"show": False, "gridlineShow": False},
    "labels": {"show": True, "color": _fill(INK), "fontSize": 10},
}
_TABLE: Style = {
    # Without it, the style that Desktop chooses hides the colors of rows and headers.
    "stylePreset": {"name": "None"},
    "grid": {"gridVertical": False, "gridHorizontalColor": _fill(LINE), "rowPadding": 3},
    "columnHeaders": {
        "fontColor": _fill(INK),
        "backColor": _fill(BAND),
        "bold": True,
        "wordWrap": True,
        "autoSizeColumnWidth": True,
        "columnAdjustment": "growToFit",
    },
    "values": {
        "fontColorPrimary": _fill(INK),
        "fontColorSecondary": _fill(INK),
        "backColorPrimary": _fill(PAPER),
        "backColorSecondary": _fill(BAND),
    },
}
# Objects of each kind of visual; what the theme cannot pass on is in `pbir`.
STYLES: Mapping[str, Style] = {
    "*": {
        "title": {"fontSize": 12, "fontColor": _fill(INK), "titleWrap": True},
        "background": {"show": True, "color": _fill(PAPER), "transparency": 0},
        "border": {"show": True, "color": _fill(LINE), "radius": 4, "width": 1},
        "padding": {"top": 8, "bottom": 8, "left": 8, "right": 8},
    },
    "page": {
        "background": {"color": _fill(BAND), "transparency": 0},
        "outspace": {"color": _fill(BAND), "transparency": 0},
    },
    "cardVisual": {
        # 1: the figure as the measure formats it, not in thousands.
        "value": {"$id": "default", "fontSize": 24, "labelDisplayUnits": 1},
        "label": {"$id": "default", "fontSize": 10, "position": "belowValue"},
        "cardCalloutArea": {"paddingUniform": 4},
    },
    "slicer": {
        "items": {"fontColor": _fill(INK), "textSize": 10},
        "selection": {"selectAllCheckboxEnabled": True, "singleSelect": False},
    },
    "lineChart": _COLUMNS
    | {"lineStyles": {"strokeWidth": 2}, "y2Axis": {"secShowAxisTitle": True}},
    "columnChart": _COLUMNS,
    "clusteredColumnChart": _COLUMNS,
    "lineClusteredColumnComboChart": _COLUMNS
    | {
        "valueAxis": _VALUES | {"secShowAxisTitle": True},
        "lineStyles": {"strokeWidth": 2, "showMarker": False},
    },
    "barChart": _BARS,
    "clusteredBarChart": _BARS,
    "scatterChart": _COLUMNS
    | {"categoryAxis": _VALUES, "bubbles": {"bubbleSize": -10}, "markers": {"transparency": 20}},
    "pivotTable": _TABLE | {"rowHeaders": {"fontColor": _fill(INK)}},
    "tableEx": _TABLE | {"total": {"totals": False}},
    "azureMap": {
        "legend": _LEGEND,
        "mapControls": {
            "defaultStyle": "grayscale_light",
            "autoZoom": True,
            "showNavigationControls": True,
            "showSelectionControl": False,
            "showStylePicker": False,
        },
        "bubbleLayer": {"bubbleRadius": 3, "minBubbleRadius": 2, "maxRadius": 12},
    },
    "textbox": {"border": {"show": False}, "background": {"show": False}},
    "actionButton": {"border": {"show": False}, "background": {"show": False}},
}


def theme() -> dict[str, Any]:
    """Return the theme of the reports, as the file holds it."""
    return _colors(THEME_FILE) | {
        "secondaryBackground": BAND,
        "tableAccent": DATA_COLORS[0],
        "good": GOOD,
        "neutral": NEUTRAL,
        "bad": BAD,
        "maximum": CLASS_COLORS["very_high"],
        "center": CLASS_COLORS["medium"],
        "minimum": CLASS_COLORS["low"],
        "textClasses": {
            "callout": {"fontFace": HEADING_FONT, "fontSize": 24, "color": INK},
            "title": {"fontFace": HEADING_FONT, "fontSize": 12, "color": INK},
            "header": {"fontFace": HEADING_FONT, "fontSize": 11, "color": INK},
            "label": {"fontFace": BODY_FONT, "fontSize": 10, "color": INK},
        },
        "visualStyles": {
            kind: {"*": {name: [dict(style)] for name, style in objects.items()}}
            for kind, objects in STYLES.items()
        },
    }


def base_theme() -> dict[str, Any]:
    """Return the theme below it, which Power BI wants a report to name."""
    return _colors(BASE_THEME)


def class_colors() -> dict[str, str]:
    """Return the color of each class of risk, by the name that a reader sees."""
    return {code.replace("_", " ").capitalize(): color for code, color in CLASS_COLORS.items()}


def _colors(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "dataColors": list(DATA_COLORS),
        "foreground": INK,
        "background": PAPER,
    }
