"""Previews: every page is drawn, and shows the figures of the warehouse as Power BI writes them."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cities import ENGINES, City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.powerbi.build import Design
from la_pipeline_failure_predict.powerbi.preview import draw_pages, page_file
from la_pipeline_failure_predict.powerbi.preview.charts import BARS, draw_chart, draw_scatter
from la_pipeline_failure_predict.powerbi.preview.number_format import shortened, shown
from la_pipeline_failure_predict.powerbi.preview.panel import Panel, fitted, text_width, wrapped
from la_pipeline_failure_predict.powerbi.preview.rows import Rows, read_page
from la_pipeline_failure_predict.powerbi.report import Field, Page, Sort, Visual
from la_pipeline_failure_predict.powerbi.report_specification import read_reports
from la_pipeline_failure_predict.warehouse import Warehouse
from powerbi.metric_cases import specification_of

WITHOUT_AREAS = """
select
    'unknown' as area_id, 'Unknown' as area_name, 'Unknown' as region_name,
    cast(null as double precision) as area_km2, cast(null as text) as outline_wkt,
    cast(null as double precision) as longitude, cast(null as double precision) as latitude
"""


@pytest.fixture(scope="module")
def design(sample_cities: dict[str, City]) -> Design:
    specification = specification_of(sample_cities["duckdb"])
    return Design(specification, read_reports(specification))


def pages_of(design: Design) -> dict[tuple[str, str], Page]:
    return {(report.name, page.name): page for report in design.reports for page in report.pages}


def field_of(design: Design, reference: str) -> Field:
    """Return the column ``view.column`` or the metric of this name."""
    specification = design.specification
    view, _, column = reference.partition(".")
    if column:
        names = specification.names
        return Field(names.tables[view], names.columns[view, column], False, view, column)
    metric = specification.metrics[reference]
    table = specification.names.tables[metric.view]
    return Field(table, metric.label, True, metric.view, metric.name)


def make_visual(design: Design, kind: str, sort: Sort | None = None, **roles: list[str]) -> Visual:
    fields = {
        role: tuple(field_of(design, reference) for reference in references)
        for role, references in roles.items()
    }
    return Visual("one", kind, "One", 0, 0, 600, 300, fields, sort=sort)


def read_one(city: City, design: Design, visual: Visual) -> Rows:
    with city.connect() as warehouse:
        return read_page(warehouse, design.specification, Page("p", "P", (visual,)))["one"]


def replace_view(warehouse: Warehouse, view: str, query: str) -> None:
    """Put other rows in the place of a view, which dbt may keep as a table."""
    warehouse.execute(f"create table main.other_{view} as {query}")
    kind = warehouse.scalar(
        "select table_type from information_schema.tables "
        "where table_schema = 'powerbi' and table_name = $1",
        (view,),
    )
    warehouse.execute(f"drop {'view' if kind == 'VIEW' else 'table'} powerbi.{view}")
    warehouse.execute(f"create view powerbi.{view} as select * from main.other_{view}")


def columns_of(rows: Rows) -> dict[str, list[Any]]:
    """Return what is shown by the names of dbt."""
    return {field.source: list(values) for field, values in rows.values.items()}


def test_every_page_is_drawn_at_its_size(
    sample_cities: dict[str, City], design: Design, tmp_path: Path
) -> None:
    with sample_cities["duckdb"].connect() as warehouse:
        files = draw_pages(warehouse, design, tmp_path)
    assert [file.name for file in files] == [page_file(*key) for key in pages_of(design)]
    for file, page in zip(files, pages_of(design).values(), strict=True):
        with Image.open(file) as picture:
            assert picture.size == (page.width, page.height) == (1280, 720)
            assert not picture.info, "a date in the file would change it with every run"
            colors = picture.convert("RGB").getcolors(2**24)
        assert len(colors or ()) > 100, f"{file.name} is blank"


def test_the_same_page_is_the_same_bytes_and_only_the_report_asked_for(
    sample_cities: dict[str, City], design: Design, tmp_path: Path
) -> None:
    name = "la_pipeline_failure_dashboard"
    with sample_cities["duckdb"].connect() as warehouse:
        first = draw_pages(warehouse, design, tmp_path / "first", [name])
        second = draw_pages(warehouse, design, tmp_path / "second", [name])
    assert [file.name for file in first] == [f"{name}_management.png"]
    assert first[0].read_bytes() == second[0].read_bytes()


@pytest.mark.parametrize("engine", ENGINES)
def test_figures_are_those_of_the_warehouse(
    sample_cities: dict[str, City], design: Design, engine: str
) -> None:
    city, pages = sample_cities[engine], pages_of(design)
    with city.connect() as warehouse:
        rows = read_page(
            warehouse, design.specification, pages["la_pipeline_failure_risk", "Where"]
        )
    by_metric = {
        field.source: values[0]
        for shown_rows in rows.values()
        for field, values in shown_rows.values.items()
        if len(shown_rows) == 1
    }
    facts = city.rows("""
        select count(*) as mains, sum(expected_breaks) as breaks, sum(risk_usd) as cost,
            max(break_probability) as highest
        from powerbi.pipe_risk
    """)[0]
    assert by_metric["mains_scored"] == facts["mains"]
    assert by_metric["expected_breaks_of_mains"] == pytest.approx(facts["breaks"])
    assert by_metric["cost_at_risk"] == pytest.approx(facts["cost"])
    assert by_metric["maximum_risk"] == pytest.approx(facts["highest"])

    on_map = next(
        rows[visual.key]
        for visual in pages["la_pipeline_failure_risk", "Where"].visuals
        if visual.kind == "azureMap"
    )
    drawn = city.value(
        "select count(*) from powerbi.pipe_risk "
        "where risk_class_code in ('very_high', 'high', 'medium')"
    )
    assert len(on_map) == drawn
    sizes = columns_of(on_map)["expected_breaks_of_mains"]
    assert sizes == sorted(sizes, reverse=True), "the riskiest are left out first on a large map"


def test_every_visual_of_the_sample_has_rows(
    sample_cities: dict[str, City], design: Design
) -> None:
    """Without rows, a field or filter of the exposure is one that never has data."""
    empty = []
    with sample_cities["duckdb"].connect() as warehouse:
        for (report, name), page in pages_of(design).items():
            rows = read_page(warehouse, design.specification, page)
            for visual in page.visuals:
                # The sample breaks no rule of the data.
                is_of_faults = any(rule.field.source == "is_passed" for rule in visual.filters)
                if visual.key in rows and not rows[visual.key].has_data and not is_of_faults:
                    empty.append((report, name, visual.key))
    assert not empty


def test_a_table_shows_the_first_rows_of_its_order(
    sample_cities: dict[str, City], design: Design
) -> None:
    city = sample_cities["duckdb"]
    rank = field_of(design, "pipe_risk.risk_rank")
    visual = make_visual(
        design,
        "tableEx",
        Sort(rank),
        Values=["pipe_risk.risk_rank", "pipes.pipe_id", "areas.area_name"],
    )
    facts = city.rows("""
        select pipe_risk.risk_rank, pipe_risk.pipe_id, areas.area_name
        from powerbi.pipe_risk
        left join powerbi.areas on pipe_risk.area_id = areas.area_id
        order by pipe_risk.risk_rank
        limit 40
    """)
    shown_rows = columns_of(read_one(city, design, visual))
    assert shown_rows == {name: [row[name] for row in facts] for name in facts[0]}
    last = read_one(city, design, replace(visual, sort=Sort(rank, is_descending=True)))
    count = city.value("select max(risk_rank) from powerbi.pipe_risk")
    assert columns_of(last)["risk_rank"][0] == count


def test_names_stand_in_their_own_order(sample_cities: dict[str, City], design: Design) -> None:
    visual = make_visual(design, "columnChart", Category=["dates.month_short"], Y=["total_breaks"])
    rows = read_one(sample_cities["duckdb"], design, visual)
    months = rows.distinct(field_of(design, "dates.month_short"))
    assert months[:4] == ["Jan", "Feb", "Mar", "Apr"]
    assert months[-1] == "Dec"


@pytest.mark.parametrize("engine", ENGINES)
def test_totals_of_a_matrix_are_of_all_rows_not_sums(
    sample_cities: dict[str, City], design: Design, engine: str
) -> None:
    city = sample_cities[engine]
    visual = make_visual(
        design,
        "pivotTable",
        Rows=["areas.area_name"],
        Columns=["pipe_risk.risk_class_name"],
        Values=["average_risk"],
    )
    rows = read_one(city, design, visual)
    area, risk = field_of(design, "areas.area_name"), field_of(design, "average_risk")
    by_row, by_column, everything = rows.totals
    average = city.value("select avg(break_probability) from powerbi.pipe_risk")
    assert everything.figures(risk) == {(): pytest.approx(average)}
    facts = city.rows("""
        select areas.area_name, avg(pipe_risk.break_probability) as risk
        from powerbi.pipe_risk
        left join powerbi.areas on pipe_risk.area_id = areas.area_id
        group by areas.area_name
    """)
    expected = {(row["area_name"],): pytest.approx(row["risk"]) for row in facts}
    assert by_row.figures(risk, area) == expected
    assert len(by_column) == city.value(
        "select count(distinct risk_class_name) from powerbi.pipe_risk"
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_page_of_one_main_shows_one_that_fills_it(
    sample_cities: dict[str, City], design: Design, engine: str
) -> None:
    city, page = sample_cities[engine], pages_of(design)["la_pipeline_failure_risk", "Main"]
    with city.connect() as warehouse:
        rows = read_page(warehouse, design.specification, page)
    assert all(shown_rows.has_data for shown_rows in rows.values())
    main = columns_of(rows["The main"])
    assert len(main["pipe_id"]) == 1
    breaks = city.value(
        f"select count(*) from powerbi.pipe_breaks where pipe_id = '{main['pipe_id'][0]}'"
    )
    assert len(rows["Its breaks"]) == breaks > 0


def test_a_city_without_areas_or_scores_says_that_there_are_no_rows(
    sample_cities: dict[str, City],
    copy_city: Callable[[City], City],
    design: Design,
    tmp_path: Path,
) -> None:
    city = copy_city(sample_cities["duckdb"])
    with city.connect() as warehouse:
        replace_view(warehouse, "areas", WITHOUT_AREAS)
        for view in ("pipe_risk", "joined_risk_view", "capture_curve", "calibration"):
            replace_view(warehouse, view, f"select * from powerbi.{view} where false")
        files = draw_pages(warehouse, design, tmp_path)
        page = pages_of(design)["la_pipeline_failure_risk", "Where"]
        rows = read_page(warehouse, design.specification, page)
    assert len(files) == len(pages_of(design))
    assert not any(shown_rows.has_data for shown_rows in rows.values())


def test_what_cannot_be_drawn_is_one_sentence(
    sample_cities: dict[str, City],
    duckdb_city: City,
    design: Design,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with sample_cities["duckdb"].connect() as warehouse:
        with pytest.raises(UserError, match="There is no report overview: name one of la_pipe"):
            draw_pages(warehouse, design, tmp_path, ["overview"])
        stranger = make_visual(
            design, "columnChart", Category=["areas.area_name"], Y=["total_rainfall_in"]
        )
        with pytest.raises(UserError, match="Visual One on page P: Figures of city_months"):
            read_page(warehouse, design.specification, Page("p", "P", (stranger,)))
        with monkeypatch.context() as patch:
            patch.delitem(sys.modules, "la_pipeline_failure_predict.powerbi.preview.draw")
            patch.setitem(sys.modules, "matplotlib", None)
            with pytest.raises(UserError, match="Pictures need matplotlib: pip install"):
                draw_pages(warehouse, design, tmp_path)
    with (
        duckdb_city.connect() as warehouse,
        pytest.raises(UserError, match="has no views for Power BI: run la-pipes build first"),
    ):
        draw_pages(warehouse, design, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("value", "text_format", "text"),
    [
        (1234.5, "#,0", "1,235"),
        (2.5, "#,0", "3"),
        (1234567.891, "$#,0", "$1,234,568"),
        (-1234.0, "$#,0", "-$1,234"),
        (2024, "0", "2024"),
        (0.1234, "0.0%", "12.3%"),
        (0.0005, "0.00%", "0.05%"),
        (0.05, "+0.0%;-0.0%;0.0%", "+5.0%"),
        (-0.05, "+0.0%;-0.0%;0.0%", "-5.0%"),
        (0.0, "+0.0%;-0.0%;0.0%", "0.0%"),
        (-0.0001, "+0.0%;-0.0%;0.0%", "0.0%"),
        (-0.001, "0.0", "0.0"),
        (7, "+#,0;-#,0;0", "+7"),
        (16.75, "#,0.0", "16.8"),
        (1.005, "0.00", "1.01"),
        (None, "#,0", ""),
        (True, "", "True"),
        ("Boyle Heights", "", "Boyle Heights"),
        (date(2024, 7, 1), "mmm yyyy", "Jul 2024"),
        (date(2024, 7, 1), "yyyy-mm-dd", "2024-07-01"),
        (datetime(2024, 7, 1, 8, 5), "yyyy-mm-dd hh:nn", "2024-07-01 08:05"),
    ],
)
def test_values_are_written_as_power_bi_writes_them(
    value: object, text_format: str, text: str
) -> None:
    assert shown(value, text_format) == text


def test_every_format_of_the_model_is_known(design: Design) -> None:
    values: dict[str, object] = {"dateTime": datetime(2024, 7, 1), "string": "x", "boolean": True}
    for table in design.specification.model.tables:
        for column in table.columns:
            assert shown(values.get(column.data_type, -1234.5), column.format)
        for measure in table.measures:
            assert shown(-1234.5, measure.format)


@pytest.mark.parametrize(
    ("value", "text_format", "largest", "text"),
    [
        (677, "#,0", 677, "677"),
        (9_999, "#,0", 9_999, "9,999"),
        (554_000, "$#,0", 1_030_000, "$0.55M"),
        (-20_000, "#,0", 20_000, "-20.00K"),
        (0.5, "0.0%", 0.5, "50.0%"),
    ],
)
def test_charts_write_large_figures_short(
    value: float, text_format: str, largest: float, text: str
) -> None:
    assert shortened(value, text_format, largest) == text


def test_texts_are_cut_to_their_place() -> None:
    text = "asbestos cement of the years after the war"
    cut = fitted(text, 100)
    assert cut.endswith("…")
    assert text.startswith(cut[:-1])
    assert text_width(cut) <= 100 < text_width(text)
    assert fitted("short", 100) == "short"
    lines = wrapped(text, 120, 10, "normal", 2)
    assert len(lines) == 2
    assert all(text_width(line) <= 120 for line in lines)


@pytest.mark.parametrize("kind", ["barChart", "clusteredBarChart", "columnChart", "lineChart"])
def test_charts_take_blank_names_and_negative_figures(
    sample_cities: dict[str, City], design: Design, kind: str
) -> None:
    visual = make_visual(
        design, kind, Category=["areas.area_name"], Y=["total_breaks", "cost_at_risk"]
    )
    rows = read_one(sample_cities["duckdb"], design, visual)
    area, breaks = visual.roles["Category"][0], visual.roles["Y"][0]
    spoiled = {area: [None, *rows.values[area][1:]], breaks: [-5.0, *rows.values[breaks][1:]]}
    panel = Panel(visual.width, visual.height)
    draw_chart(panel, visual, replace(rows, values={**rows.values, **spoiled}))
    axes = panel.figure.axes[0]
    low, _ = axes.get_xlim() if kind in BARS else axes.get_ylim()
    assert low < -4
    assert panel.pixels().shape == (visual.height, visual.width, 3)


def test_points_are_drawn_by_two_figures(sample_cities: dict[str, City], design: Design) -> None:
    visual = make_visual(
        design,
        "scatterChart",
        Category=["areas.area_name"],
        X=["mains_scored_miles"],
        Y=["expected_breaks_of_mains"],
        Series=["areas.region_name"],
    )
    rows = read_one(sample_cities["duckdb"], design, visual)
    panel = Panel(visual.width, visual.height)
    draw_scatter(panel, visual, rows)
    drawn = sum(len(one.get_offsets()) for one in panel.figure.axes[0].collections)
    assert drawn == len(rows)
