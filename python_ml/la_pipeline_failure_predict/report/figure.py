"""One picture of the result: where the risk lies, and what ranking by it catches."""

import logging
from pathlib import Path

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import atomic_write
from la_pipeline_failure_predict.model.baselines import PIPE_RULES
from la_pipeline_failure_predict.powerbi.theme import CLASS_COLORS
from la_pipeline_failure_predict.warehouse import Warehouse

log = logging.getLogger(__name__)

MODEL_STYLE = ("this model", "#a50026", "-")
RULE_STYLES = {
    "past_breaks_per_km": ("past breaks per km", "#335577", "--"),
    "age": ("age", "#888888", ":"),
}
MAINS = """
    select longitude, latitude, risk_class_code
    from powerbi.pipe_risk
    where longitude is not null and latitude is not null
    order by risk_rank desc
"""
CAPTURE = """
    select metrics.model_name, metrics.metric, metrics.value
    from ml.model_metrics as metrics
    where metrics.segment = 'all'
        and metrics.metric like 'capture_at_%pct_length'
        and metrics.run_id = (select max(run_id) from powerbi.pipe_risk)
"""


def draw_result(warehouse: Warehouse, file: Path) -> Path:
    """Draw the mains by risk class and the share of breaks caught, as a PNG.

    Raises
    ------
    UserError
        If there are no scored mains, or matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise UserError(
            'Pictures need matplotlib: pip install "la_pipeline_failure_predict[report]".'
        ) from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    mains = _read(warehouse, MAINS)
    if not mains:
        raise UserError("There are no scored mains to draw: run la-pipes run first.")
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(11, 4.6), width_ratios=(3, 2), layout="constrained"
    )
    for code, color in CLASS_COLORS.items():
        drawn = [row for row in mains if row["risk_class_code"] == code]
        left.scatter(
            [row["longitude"] for row in drawn],
            [row["latitude"] for row in drawn],
            s=2 if code == "low" else 5,
            color=color,
            linewidths=0,
            label=code.replace("_", " "),
        )
    left.set(title="Mains by risk class", xticks=[], yticks=[], aspect=1.2)
    left.legend(markerscale=4, frameon=False, loc="best")
    _draw_capture(right, _read(warehouse, CAPTURE))
    kind = file.suffix.lstrip(".").lower() or "png"
    if kind not in figure.canvas.get_supported_filetypes():
        raise UserError(
            f"Pictures cannot be written as {file.suffix}: let {file} end with .png or .svg."
        )
    with atomic_write(file, "wb") as picture:
        figure.savefig(picture, dpi=110, format=kind)
    pyplot.close(figure)
    return file


def _draw_capture(axes: "matplotlib.axes.Axes", rows: list[dict]) -> None:  # type: ignore[name-defined]  # noqa: F821
    # A run holds figures of its own model and of the simple rules.
    names = {row["model_name"] for row in rows} - {*PIPE_RULES}
    styles = dict.fromkeys(sorted(names), MODEL_STYLE) | RULE_STYLES
    for model, (label, color, style) in styles.items():
        points = sorted(
            (_cut_off(row["metric"]), 100 * row["value"])
            for row in rows
            if row["model_name"] == model and row["value"] is not None
        )
        if points:
            axes.plot(*zip(*points, strict=True), style, color=color, marker="o", label=label)
    axes.set(
        title="Breaks of the year held out",
        xlabel="riskiest meters, % of network length",
        ylabel="% of breaks caught",
        ylim=(0, 100),
    )
    if axes.lines:
        axes.legend(frameon=False)
    else:
        axes.text(0.5, 0.5, "no year could be held out", ha="center", transform=axes.transAxes)
    axes.spines[["top", "right"]].set_visible(False)


def _cut_off(metric: str) -> float:
    text = metric.removeprefix("capture_at_").removesuffix("pct_length")
    return float(text.replace("_", "."))


def _read(warehouse: Warehouse, sql: str) -> list[dict]:
    if not warehouse.has_table("powerbi", "pipe_risk"):
        return []
    return warehouse.query(sql).to_pylist()
