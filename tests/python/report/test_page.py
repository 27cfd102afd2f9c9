"""`la-pipes report`: a page of charts that opens without a network."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from cities import ENGINES, City, needs_real_data
from la_pipeline_failure_predict.report.charts import CHARTS

SECTION = re.compile(r'<section id="(\w+)">(.*?)</section>', re.DOTALL)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DATA = re.compile(r'<script type="application/json"[^>]*>(.*?)</script>', re.DOTALL)


def written(city: City, file: Path) -> dict[str, str]:
    """Write the page and return its sections."""
    result = city.la_pipes("report", "--to", file)
    assert result.exit_code == 0, result.output
    return dict(SECTION.findall(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_page_shows_every_chart_with_its_figures(
    sample_cities: dict[str, City], engine: str, tmp_path: Path
) -> None:
    file = tmp_path / "index.html"
    sections = written(sample_cities[engine], file)
    assert list(sections) == [chart.name for chart in CHARTS]
    for name, section in sections.items():
        (text,) = DATA.findall(section)
        specification = json.loads(text)
        assert len(specification["description"]) > 40, name
        assert section.count("<tr>") > 2, name
        with Image.open(tmp_path / f"index-{name}.png") as picture:
            assert min(picture.size) > 200, name
            assert len(picture.convert("RGB").getcolors(1 << 24)) > 5, name
    assert file.stat().st_size < 5_000_000
    page = file.read_text(encoding="utf-8")
    assert not re.search(
        r'(?:src|href)="(?!#)', re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    )


def test_the_figures_are_those_of_the_warehouse(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    city = sample_cities["duckdb"]
    sections = written(city, tmp_path / "index.html")
    counted = city.value("select sum(break_count) from powerbi.city_months where is_complete_month")
    assert f"{counted:,} breaks in " in sections["months"]
    (text,) = DATA.findall(sections["calibration"])
    drawn = json.loads(text)["data"]["values"]
    assert sum(row["observed_breaks"] for row in drawn) == city.value(
        "select sum(observed_breaks) from powerbi.calibration"
    )


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium to open the page in")
def test_charts_are_drawn_in_a_browser_without_a_network(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    file = tmp_path / "index.html"
    written(sample_cities["duckdb"], file)
    shown = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", file.as_uri()],
        capture_output=True, text=True, timeout=300, check=True,
    ).stdout  # fmt: skip
    assert shown.count('class="chart vega-embed') == len(CHARTS)


def test_without_a_build_the_next_step_is_told(duckdb_city: City, tmp_path: Path) -> None:
    result = duckdb_city.la_pipes("report", "--to", tmp_path / "index.html")
    assert result.exit_code == 2
    assert "run la-pipes run first" in result.output
    assert not list(tmp_path.iterdir())


@needs_real_data
def test_los_angeles_says_what_it_cannot_show(
    los_angeles_cities: dict[str, City], tmp_path: Path
) -> None:
    sections = written(los_angeles_cities["duckdb"], tmp_path / "index.html")
    for name in ("decades", "captures", "plans"):
        assert not DATA.findall(sections[name]), name
    assert "Los Angeles publishes its leaks so" in sections["captures"]
    assert DATA.findall(sections["months"])
    # The record of leaks says when each main was laid.
    assert DATA.findall(sections["ages"])
