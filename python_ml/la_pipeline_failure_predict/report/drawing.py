"""What all pictures share: matplotlib where it is installed, the look, and the file."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import atomic_write
from la_pipeline_failure_predict.powerbi.theme import DATA_COLORS, INK, LINE, MUTED_INK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 130
# In this order: the first is the one that the picture is about.
COLORS = ("#a50026", *DATA_COLORS[:3], "#767676")
STYLE = {
    "font.size": 9.5,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED_INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "axes.grid": False,
    "grid.color": LINE,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@contextmanager
def drawing(columns: int, width: float, height: float, **options: object) -> "Iterator[tuple]":
    """Give a figure and its panels, side by side, and close it after use.

    Raises
    ------
    UserError
        If matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise UserError(
            'Pictures need matplotlib: pip install "la_pipeline_failure_predict[report]".'
        ) from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context(STYLE):
        figure, panels = pyplot.subplots(
            1, columns, figsize=(width, height), layout="constrained", squeeze=False, **options
        )
        figure.get_layout_engine().set(rect=(0.005, 0.005, 0.99, 0.98))
        try:
            yield figure, list(panels[0])
        finally:
            pyplot.close(figure)


def save(figure: "Figure", file: Path) -> Path:
    """Write a picture, in the format that the name ends in.

    Raises
    ------
    UserError
        If pictures are not written in this format, or the file cannot be written.
    """
    kind = file.suffix.lstrip(".").lower() or "png"
    if kind not in figure.canvas.get_supported_filetypes():
        raise UserError(
            f"Pictures cannot be written as {file.suffix}: let {file} end with .png or .svg."
        )
    with atomic_write(file, "wb") as picture:
        figure.savefig(picture, dpi=DOTS_PER_INCH, format=kind)
    return file


def say_below_title(panel: "Axes", title: str, text: str) -> None:
    """Title a panel, with a smaller line that says what the figures rest on."""
    panel.set_title(title, pad=10 + 12 * (1 + text.count("\n")))
    panel.annotate(
        text,
        (0, 1),
        (0, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=8.5,
        color=MUTED_INK,
        va="bottom",
        annotation_clip=False,
    )
