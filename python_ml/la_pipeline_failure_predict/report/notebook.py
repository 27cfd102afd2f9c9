"""What every notebook shares: rows from the warehouse, and one style of chart."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.project import open_warehouse
from la_pipeline_failure_predict.settings import Settings, read_settings
from la_pipeline_failure_predict.warehouse import Warehouse

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = ("#a50026", "#335577", "#ee7733", "#888888", "#44aa77", "#886699")
STYLE = {
    "figure.dpi": 72,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "legend.frameon": False,
}
PANEL_INCHES = (4.7, 3.4)
TABLE = re.compile(r"\b(?:from|join)\s+([a-z_]+)\.([a-z_]+)")


def project_settings() -> Settings:
    """Read the settings from anywhere below the project folder, as a notebook is opened.

    Raises
    ------
    UserError
        If a setting is not of its type.
    """
    if os.environ.get("LA_PIPES_PROJECT_DIR"):
        return read_settings()
    here = Path.cwd()
    roots = [folder for folder in (here, *here.parents) if (folder / "dbt_project.yml").is_file()]
    return read_settings(project_dir=roots[0] if roots else None)


@contextmanager
def warehouse() -> Iterator[Warehouse]:
    """Open the configured warehouse for as long as a cell needs it.

    An open notebook would otherwise keep other commands from a warehouse that is a file.

    Raises
    ------
    UserError
        If the warehouse cannot be opened.
    """
    with open_warehouse(project_settings()) as opened:
        yield opened


def read(
    sql: str, parameters: Sequence[object] = (), *, otherwise: str | None = None
) -> pd.DataFrame:
    """Return the rows of a query; none where a table it names, as schema.table, is not there yet.

    Parameters
    ----------
    parameters
        Bound to ``$1``, ``$2`` ... in the query.
    otherwise
        What to say, and how to fix it, when there is no row.

    Raises
    ------
    UserError
        If there is no row and `otherwise` is given.
    """
    with warehouse() as opened:
        there = all(opened.has_table(schema, name) for schema, name in set(TABLE.findall(sql)))
        rows = opened.query(sql, parameters).to_pandas() if there else pd.DataFrame()
    if rows.empty and otherwise:
        raise UserError(otherwise)
    return rows


def charts(*titles: tuple[str, str, str]) -> "list[Axes]":
    """Return charts side by side, each of a title and the names of its two axes."""
    from matplotlib import pyplot

    pd.set_option("display.max_colwidth", None)
    pyplot.rcParams.update(STYLE)
    pyplot.rcParams["axes.prop_cycle"] = pyplot.cycler(color=COLORS)
    width, height = PANEL_INCHES
    _, panels = pyplot.subplots(
        1,
        len(titles),
        figsize=(width * len(titles), height),
        layout="constrained",
        squeeze=False,
    )
    for axes, (title, horizontal, vertical) in zip(panels[0], titles, strict=True):
        axes.set(title=title, xlabel=horizontal, ylabel=vertical)
    return list(panels[0])
