"""The picture of the result: what it shows, what it rests on, and what it cannot show."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
from matplotlib import pyplot
from matplotlib.image import imread

from cities import City
from la_pipeline_failure_predict.model.metrics import SHARES, Estimate
from la_pipeline_failure_predict.report.captures import Captures, read_captures
from la_pipeline_failure_predict.report.figure import draw_captures
from la_pipeline_failure_predict.report.risk_map import Main, draw_map

NO_PLACE = "update powerbi.pipe_risk set longitude = null, latitude = null"
NO_FIGURES = "delete from ml.model_metrics"


def spoiled(city: City, *statements: str) -> City:
    with city.connect() as warehouse:
        for statement in statements:
            warehouse.execute(statement)
    return city


def test_one_year_is_drawn_and_said_to_be_little(
    sample_cities: dict[str, City], tmp_path: Path
) -> None:
    file = tmp_path / "result.png"
    result = sample_cities["duckdb"].la_pipes("report", "--to", file)
    assert result.exit_code == 0, result.output
    assert "One year is little to judge by: la-pipes backtest --grain pipe" in result.output
    height, width = imread(file).shape[:2]
    assert width > 1.5 * height  # a map, and what was caught beside it


def test_a_backtest_is_preferred_to_the_year_held_out(
    sample_cities: dict[str, City], copy_city: Callable[[City], City]
) -> None:
    city = copy_city(sample_cities["duckdb"])
    with city.connect() as warehouse:
        year = read_captures(warehouse)
    assert year is not None
    assert not year.is_backtest
    assert len(year.origins) == 1
    spoiled(
        city,
        "insert into ml.backtests select 'pipe-backtest-1', 'pipe', date '2015-01-01', "
        "date '2017-01-01', 3, false, null, 0, 'past_breaks_per_km', model_name, 'it won', '{}', "
        "'{}', trained_at from ml.model_runs where grain = 'pipe' limit 1",
        "insert into ml.model_metrics select 'pipe-backtest-1', 'rolling_pooled', "
        "date '2015-01-01', model_name, segment, metric, 0.5, 0.4, 0.6, row_count, 321, "
        "computed_at from ml.model_metrics where split_name = 'last_year_out' "
        "and segment = 'all' and run_id like 'pipe-%'",
        "insert into ml.model_metrics select run_id, 'rolling_origin', day, model_name, segment, "
        "metric, value, lower_95, upper_95, row_count, 107, computed_at from ml.model_metrics, "
        "(values (date '2015-01-01'), (date '2016-01-01'), (date '2017-01-01')) as days(day) "
        "where run_id = 'pipe-backtest-1'",
    )
    with city.connect() as warehouse:
        found = read_captures(warehouse)
    assert found is not None
    assert found.is_backtest
    assert [day.year for day in found.origins] == [2015, 2016, 2017]
    assert found.breaks == 321
    assert set(found.by_ranking) == set(year.by_ranking)
    for estimates in found.by_ranking.values():
        assert estimates == [Estimate(0.5, 0.4, 0.6)] * len(SHARES)


def test_a_city_without_coordinates_says_what_it_can_draw(
    sample_cities: dict[str, City], copy_city: Callable[[City], City], tmp_path: Path
) -> None:
    city = spoiled(copy_city(sample_cities["duckdb"]), NO_PLACE)
    file = tmp_path / "result.png"
    result = city.la_pipes("report", "--to", file)
    assert result.exit_code == 0, result.output
    assert "No map: the mains have no coordinates. Map start_longitude" in result.output
    height, width = imread(file).shape[:2]
    assert width < 1.5 * height  # no empty map beside what was caught


def test_a_short_record_leaves_the_map(
    sample_cities: dict[str, City], copy_city: Callable[[City], City], tmp_path: Path
) -> None:
    city = spoiled(copy_city(sample_cities["duckdb"]), NO_FIGURES)
    result = city.la_pipes("report", "--to", tmp_path / "result.png")
    assert result.exit_code == 0, result.output
    assert "No shares of breaks caught: the record is too short" in result.output
    spoiled(city, NO_PLACE)
    result = city.la_pipes("report", "--to", tmp_path / "other.png")
    assert result.exit_code == 2
    assert "There is nothing to draw. No map: " in result.output
    assert not (tmp_path / "other.png").exists()


def test_every_share_of_length_has_its_interval() -> None:
    estimates = [Estimate(0.1 * n, 0.1 * n - 0.05, 0.1 * n + 0.1) for n in range(1, 6)]
    unknown = [Estimate(None)] * 5
    captures = Captures(
        "Empirical Bayes",
        tuple(date(year, 1, 1) for year in range(2012, 2020)),
        True,
        668,
        {"empirical_bayes": estimates, "past_breaks_per_km": estimates, "age": unknown},
    )
    figure, panel = pyplot.subplots()
    draw_captures(panel, captures)
    bars = panel.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose(
        [[low, high] for (_, low), (_, high) in bars],
        [[100 * item.lower, 100 * item.upper] for item in estimates],
    )
    written = " ".join(text.get_text() for text in panel.texts)
    assert "8 years, 2012 to 2019" in written
    assert "668 breaks" in written
    assert [tick.get_text() for tick in panel.get_xticklabels()] == [
        "0.5 %",
        "1 %",
        "5 %",
        "10 %",
        "20 %",
    ]
    pyplot.close(figure)


def test_a_map_is_true_to_scale_and_names_its_places() -> None:
    # A degree of longitude is half as long as one of latitude at 60 degrees north.
    corners = [(0.0, 60.0), (1.0, 60.0), (0.0, 60.5), (1.0, 60.5)]
    mains = [
        Main(longitude, latitude, "low", f"Area {number}", "High St", 100.0, False)
        for number, (longitude, latitude) in enumerate(corners)
    ]
    mains.append(Main(None, None, "very_high", None, "Lost St", 100.0, False))
    figure, panel = pyplot.subplots()
    draw_map(panel, mains, "Where", "what")
    drawn = panel.collections[0].get_offsets()
    east, north = np.ptp(drawn, axis=0)
    np.testing.assert_allclose(east, north, rtol=0.02)
    written = [text.get_text() for text in panel.texts]
    assert {"Area 0", "Area 1", "Area 2", "Area 3", "10 km"} <= set(written)
    (bar,) = [line for line in panel.lines if len(line.get_xdata()) == 2]
    np.testing.assert_allclose(np.ptp(bar.get_xdata()), 10.0)
    pyplot.close(figure)


def test_a_map_shows_the_lines_of_mains() -> None:
    lines = ["LINESTRING (0 60, 0.5 60.1, 1 60)", "MULTILINESTRING ((0 60, 0 61), (1 60, 1 61))"]
    mains = [
        Main(0.5, 60.5, code, None, None, 100.0, False, line)
        for code, line in zip(("low", "high", "high"), (*lines, None), strict=True)
    ]
    figure, panel = pyplot.subplots()
    draw_map(panel, mains, "Where", "what")
    low, high, point = panel.collections
    assert [len(line) for line in low.get_segments()] == [3]
    assert [len(line) for line in high.get_segments()] == [2, 2]
    np.testing.assert_allclose(point.get_offsets(), [[0.0, 0.0]], atol=1e-9)
    (west, south), _, (east, _) = low.get_segments()[0]
    np.testing.assert_allclose([west, east], [-27.4, 27.4], atol=0.1)
    np.testing.assert_allclose(south, -55.6)
    pyplot.close(figure)


def test_names_on_a_map_do_not_cover_each_other() -> None:
    mains = [
        Main(-118.0 + 0.001 * number, 34.0, "high", None, f"Street {number}", 50.0, False)
        for number in range(4)
    ] + [Main(-118.3, 34.3, "low", None, None, 50.0, False)]
    figure, panel = pyplot.subplots(figsize=(6, 6))
    draw_map(panel, mains, "Where", "what")
    figure.canvas.draw()
    boxes = [
        text.get_window_extent() for text in panel.texts if text.get_text().startswith("Street")
    ]
    assert 2 <= len(boxes) <= 4  # one that finds no place is left out
    covered = [
        (one, other)
        for position, one in enumerate(boxes)
        for other in boxes[position + 1 :]
        if one.overlaps(other)
    ]
    assert covered == []
    pyplot.close(figure)
