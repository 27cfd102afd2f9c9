"""A picture of one visual: its frame and title, and text that is measured before it is drawn."""

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.transforms import IdentityTransform

from la_pipeline_failure_predict.powerbi.theme import (
    BAND,
    BODY_FONT,
    INK,
    LINE,
    MUTED_INK,
    PAPER,
    STYLES,
)

# A point is 1/72 inch, and a page of Power BI has 96 pixels per inch.
DPI = 96
PIXELS_PER_POINT = DPI / 72
LINE_HEIGHT = 1.25
PADDING = 8
TITLE_SIZE = STYLES["*"]["title"]["fontSize"]
TEXT_SIZE = 10
ELLIPSIS = "…"
NO_ROWS = "no rows"
# The fonts of the theme are on Windows alone.
FONTS = (BODY_FONT, "Open Sans", "Liberation Sans", "Arial", "DejaVu Sans")


@cache
def fonts() -> list[str]:
    """Return the fonts that are installed, the most similar first."""
    known = set(font_manager.get_font_names())
    return [font for font in FONTS if font in known]


def style() -> dict[str, Any]:
    """Return what matplotlib has to be told for the pictures to look like Power BI."""
    return {
        "font.family": fonts(),
        "font.size": TEXT_SIZE,
        "text.color": INK,
        # A dollar is a dollar.
        "text.parse_math": False,
        "axes.edgecolor": LINE,
        "axes.labelcolor": MUTED_INK,
        "axes.labelsize": TEXT_SIZE,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "xtick.color": LINE,
        "ytick.color": LINE,
        "xtick.labelcolor": MUTED_INK,
        "ytick.labelcolor": MUTED_INK,
        "xtick.labelsize": TEXT_SIZE,
        "ytick.labelsize": TEXT_SIZE,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "grid.color": LINE,
        "grid.linewidth": 0.8,
    }


@lru_cache(maxsize=10_000)
def text_width(text: str, size: float = TEXT_SIZE, weight: str = "normal") -> float:
    """Return the width of a text, pixels."""
    font = font_manager.FontProperties(family=fonts(), size=size, weight=weight)
    renderer = RendererAgg(1, 1, DPI)
    width, _, _ = renderer.get_text_width_height_descent(text, font, ismath=False)
    return float(width)


def fitted(text: str, width: float, size: float = TEXT_SIZE, weight: str = "normal") -> str:
    """Return a text cut to a width, with an ellipsis where it is cut."""
    if text_width(text, size, weight) <= width:
        return text
    shortest, longest = 0, len(text)
    while shortest < longest:
        middle = (shortest + longest + 1) // 2
        if text_width(text[:middle].rstrip() + ELLIPSIS, size, weight) <= width:
            shortest = middle
        else:
            longest = middle - 1
    return text[:shortest].rstrip() + ELLIPSIS


def wrapped(text: str, width: float, size: float, weight: str, most_lines: int) -> list[str]:
    """Return a text as lines of a width, the last one cut where there are too many."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        is_last = len(lines) == most_lines
        if not lines[-1] or is_last or text_width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [fitted(line, width, size, weight) for line in lines]


class Panel:
    """The picture of a visual, pixels from its upper left corner.

    Attributes
    ----------
    top
        Where the free part begins: below the title, and the legend.
    """

    def __init__(self, width: int, height: int, background: str = PAPER) -> None:
        self.width, self.height, self.top = width, height, PADDING
        self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=background)
        self._canvas = FigureCanvasAgg(self.figure)

    def frame(self) -> None:
        """Draw the border."""
        self.figure.add_artist(
            FancyBboxPatch(
                (0.5, 0.5),
                self.width - 1,
                self.height - 1,
                boxstyle="round,pad=0,rounding_size=4",
                transform=IdentityTransform(),
                facecolor="none",
                edgecolor=LINE,
                linewidth=1 / PIXELS_PER_POINT,
            )
        )

    def title(self, text: str) -> None:
        """Write the title, on two lines where it has to be."""
        for line in wrapped(text, self.width - 2 * PADDING, TITLE_SIZE, "bold", 2):
            self.write(PADDING, self.top, line, size=TITLE_SIZE, weight="bold")
            self.top += round(TITLE_SIZE * PIXELS_PER_POINT * LINE_HEIGHT)
        self.top += 4

    def legend(self, entries: Iterable[tuple[str, str]]) -> None:
        """Write names beside dots of their color, on as many lines as it takes."""
        left, height = float(PADDING), round(TEXT_SIZE * PIXELS_PER_POINT * LINE_HEIGHT)
        for name, color in entries:
            text = fitted(name, self.width - 2 * PADDING - 14)
            width = 14 + text_width(text)
            if left > PADDING and left + width > self.width - PADDING:
                left, self.top = PADDING, self.top + height
            self.dot(left + 5, self.top + height / 2, 4.5, color)
            self.write(left + 14, self.top, text)
            left += width + 14
        self.top += height + 2

    def dot(self, x: float, y: float, radius: float, color: str) -> None:
        """Draw a filled circle."""
        self.figure.add_artist(
            Line2D(
                [x],
                [self.height - y],
                marker="o",
                markersize=2 * radius / PIXELS_PER_POINT,
                color=color,
                markeredgewidth=0,
                transform=IdentityTransform(),
            )
        )

    def box(self, x: float, y: float, width: float, height: float, color: str) -> None:
        """Fill a rectangle."""
        place = (x, self.height - y - height)
        self.figure.add_artist(
            Rectangle(
                place, width, height, facecolor=color, linewidth=0, transform=IdentityTransform()
            )
        )

    def line(self, points: Sequence[tuple[float, float]], color: str, width: float = 1) -> None:
        """Draw a line through points."""
        self.figure.add_artist(
            Line2D(
                [x for x, _ in points],
                [self.height - y for _, y in points],
                color=color,
                linewidth=width / PIXELS_PER_POINT,
                transform=IdentityTransform(),
            )
        )

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = TEXT_SIZE,
        weight: str = "normal",
        color: str = INK,
        align: str = "left",
    ) -> None:
        """Write one line; `y` is its upper edge."""
        middle = y + size * PIXELS_PER_POINT * LINE_HEIGHT / 2
        self.figure.text(
            x,
            self.height - middle,
            text,
            size=size,
            weight=weight,
            color=color,
            ha=align,
            va="center_baseline",
            transform=IdentityTransform(),
        )

    def scroll_bar(self, top: float, share: float) -> None:
        """Draw what says that there is more below: the share that is seen."""
        height = self.height - PADDING - top
        self.box(self.width - 7, top, 3, height, BAND)
        self.box(self.width - 7, top, 3, height * share, MUTED_INK)

    def say(self, text: str) -> None:
        """Say in the middle why nothing is drawn."""
        middle = (self.top + self.height - PADDING) / 2 - TEXT_SIZE
        self.write(self.width / 2, middle, text, color=MUTED_INK, align="center")

    def axes(self) -> Axes:
        """Return axes that fill the free part, with room for their labels."""
        self.figure.set_layout_engine(
            "constrained",
            rect=(
                PADDING / self.width,
                PADDING / self.height,
                1 - 2 * PADDING / self.width,
                1 - (self.top + PADDING) / self.height,
            ),
            w_pad=0,
            h_pad=0,
        )
        return self.figure.add_subplot()

    def bare_axes(self) -> Axes:
        """Return axes that fill the free part, without labels."""
        height = self.height - self.top - PADDING
        rectangle = (
            PADDING / self.width,
            PADDING / self.height,
            1 - 2 * PADDING / self.width,
            height / self.height,
        )
        return self.figure.add_axes(rectangle)

    def room(self, axes: Axes) -> tuple[float, float]:
        """Return width and height that the labels leave to axes, pixels."""
        self.figure.draw_without_rendering()
        extent = axes.get_window_extent()
        return extent.width, extent.height

    def pixels(self) -> np.ndarray:
        """Draw everything; returns height x width x RGB, bytes."""
        self._canvas.draw()
        return np.asarray(self._canvas.buffer_rgba())[..., :3]
