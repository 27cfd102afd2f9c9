"""One page of charts that opens without a network: runtime, data and tables are in it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import atomic_write, write_whole
from la_pipeline_failure_predict.report.charts import (
    CHARTS,
    CONFIG,
    HEIGHT,
    WIDTH,
    Chart,
    Drawn,
    plain,
)
from la_pipeline_failure_predict.warehouse import Warehouse

Specification = dict[str, Any]
"""A chart in Vega-Lite."""

PICTURE_SCALE = 2.0
SCORED_AS_OF = "select cast(max(as_of_date) as text) from powerbi.pipe_risk"
NEEDED = ("city_months", "pipe_breaks", "calibration", "plan_scenarios", "data_quality")


@dataclass(frozen=True)
class Page:
    """The page that was written, its pictures, and the charts that had nothing to draw."""

    file: Path
    pictures: tuple[Path, ...]
    empty: tuple[str, ...]


def write_page(warehouse: Warehouse, file: Path, progress: Callable[[int, int, str], None]) -> Page:
    """Draw every chart of the report into one HTML file, and each as a picture beside it.

    Parameters
    ----------
    progress
        Told charts done, charts in all, and the name of the last.

    Raises
    ------
    UserError
        If the marts are not built, altair is not installed, or a file cannot be written.
    """
    for view in NEEDED:
        if not warehouse.has_table("powerbi", view):
            raise UserError(f"There is no powerbi.{view}: run la-pipes run first.")
    sections, pictures, empty = [], [], []
    for number, chart in enumerate(CHARTS):
        drawn = chart.draw(warehouse)
        specification = _specification(chart, drawn)
        sections.append(_section(chart, drawn, specification))
        if specification:
            pictures.append(_write_picture(file, chart, specification))
        else:
            empty.append(chart.title)
        progress(number + 1, len(CHARTS), chart.name)
    write_whole(file, _page(sections, warehouse.scalar(SCORED_AS_OF)))
    return Page(file, tuple(pictures), tuple(empty))


def _write_picture(file: Path, chart: Chart, specification: Specification) -> Path:
    import vl_convert

    picture = file.with_name(f"{file.stem}-{chart.name}.png")
    titled = _as_wide_as(specification, WIDTH) | {"title": chart.title}
    content = vl_convert.vegalite_to_png(titled, scale=PICTURE_SCALE)
    with atomic_write(picture, "wb") as target:
        target.write(content)
    return picture


def _specification(chart: Chart, drawn: Drawn) -> Specification:
    """Return the chart in Vega-Lite, with the look of the page and a text for who cannot see it.

    Empty where there is nothing to draw.
    """
    if drawn.chart is None:
        return {}
    look = {"description": f"{chart.title}. {drawn.text}", "config": CONFIG}
    return {"height": HEIGHT} | drawn.chart.to_dict() | look


def _as_wide_as(specification: Specification, width: int | str) -> Specification:
    # A chart of rows side by side cannot follow the width of the page.
    has_rows = "row" in specification.get("encoding", {})
    return specification | {"width": WIDTH - 100 if has_rows else width}


def _section(chart: Chart, drawn: Drawn, specification: Specification) -> str:
    body = f"<h2>{escape(chart.title)}</h2>\n<p>{escape(drawn.text)}</p>\n"
    if specification:
        label = escape(specification["description"], quote=True)
        inlined = _inlined(_as_wide_as(specification, "container"))
        body += (
            f'<div class="chart" id="chart-{chart.name}" role="img" aria-label="{label}"></div>\n'
            f'<script type="application/json" id="data-{chart.name}">{inlined}</script>\n'
            f"<details><summary>The figures as a table ({len(drawn.rows):,} rows)</summary>\n"
            f'<div class="table">{_table(drawn.rows)}</div></details>\n'
        )
    return f'<section id="{chart.name}">\n{body}</section>'


def _inlined(specification: Specification) -> str:
    """Return JSON that cannot end the script element it stands in."""
    return json.dumps(specification, separators=(",", ":")).replace("<", "\\u003c")


def _table(rows: list[dict[str, Any]]) -> str:
    names = list(rows[0])
    head = "".join(f'<th scope="col">{escape(name.replace("_", " "))}</th>' for name in names)
    lines = "".join(
        "<tr>" + "".join(f"<td>{_cell(row[name])}</td>" for name in names) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, date | datetime):
        return value.isoformat()
    number = plain(value)
    return f"{number:,.4g}" if isinstance(number, float) else escape(str(number))


def _page(sections: list[str], scored_as_of: object) -> str:
    import vl_convert

    links = " · ".join(f'<a href="#{chart.name}">{escape(chart.title)}</a>' for chart in CHARTS)
    scored = (
        f"Mains are scored for the twelve months from {escape(str(scored_as_of))}."
        if scored_as_of
        else "No main is scored: the record names areas, not mains."
    )
    body = "\n".join(sections)
    # Its stub asks for a text; without one, all that a page needs comes.
    bundle = vl_convert.javascript_bundle(None)  # type: ignore[arg-type]
    runtime = bundle.replace("</script", "<\\/script")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Water-main breaks: the report</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>Water-main breaks</h1>
<p>{scored} Each chart's figures are in the table below it.</p>
<nav>{links}</nav>
{body}
</main>
<script>{runtime}</script>
<script>{SHOW}</script>
</body>
</html>
"""


SHOW = """
for (const place of document.querySelectorAll(".chart")) {
  const data = document.getElementById(place.id.replace("chart-", "data-"));
  vegaEmbed(place, JSON.parse(data.textContent), { actions: false, renderer: "svg" });
}
"""
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #252423; margin: 0; background: #fff; }
main { max-width: 46rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .3rem; }
nav { font-size: .9rem; color: #5c5a58; } a { color: #0b5394; }
.chart { width: 100%; } .table { overflow-x: auto; max-height: 24rem; }
table { border-collapse: collapse; font-size: .85rem; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #d9d7d5; }
th:first-child, td:first-child { text-align: left; }
summary { cursor: pointer; color: #0b5394; }
"""
