"""Which polygon, which line, how large: checked on shapes whose answer is known."""

import numpy as np
import pytest
import shapely

from la_pipeline_failure_predict.spatial.geometry import (
    Service,
    find_containing,
    find_nearest,
    measure_km2,
    read_geojson,
    read_wkb,
    read_wkt,
    repair,
    write_outlines,
)


def squares() -> np.ndarray:
    return np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)])


def test_a_point_on_a_shared_border_belongs_to_the_first() -> None:
    longitude = np.array([0.5, 1.0, 1.5, 5.0, np.nan])
    latitude = np.array([0.5, 0.5, 0.5, 0.5, 0.5])
    assert find_containing(squares(), longitude, latitude).tolist() == [0, 0, 1, -1, -1]


def test_a_ring_that_crosses_itself_still_holds_points() -> None:
    bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    found = find_containing(np.array([bow_tie]), np.array([0.2, 1.0]), np.array([1.0, 0.2]))
    assert found.tolist() == [0, -1]


def test_no_polygons_and_no_points() -> None:
    none = np.array([], dtype=object)
    assert find_containing(none, np.array([1.0]), np.array([1.0])).tolist() == [-1]
    assert find_containing(squares(), np.array([]), np.array([])).tolist() == []


def test_the_nearest_line_within_reach() -> None:
    starts = np.array([[-118.25, 34.05], [-118.25, 34.0503]])
    ends = np.array([[-118.249, 34.05], [-118.249, 34.0503]])
    points = np.array([[-118.2495, 34.05005], [-118.2495, 34.06]])
    nearest, distance = find_nearest(starts, ends, points, max_distance_m=30)
    assert nearest.tolist() == [0, -1]
    assert distance[0] == pytest.approx(5.57, abs=0.05)  # 0.00005 degrees of latitude
    assert np.isnan(distance[1])


def test_a_line_laid_after_the_day_is_not_the_one() -> None:
    starts = np.array([[-118.25, 34.05], [-118.25, 34.0501]])
    ends = np.array([[-118.249, 34.05], [-118.249, 34.0501]])
    served = Service(
        begins=np.array([2000.0, 10.0]), ends=np.array([np.inf, 3000.0]), on=np.array([1000.0])
    )
    point = np.array([[-118.2495, 34.05]])
    assert find_nearest(starts, ends, point, 30, served)[0].tolist() == [1]
    assert find_nearest(starts, ends, point, 30)[0].tolist() == [0]


def test_equally_near_lines_go_to_the_first() -> None:
    line = np.array([[-118.25, 34.05], [-118.25, 34.05]])
    end = np.array([[-118.249, 34.05], [-118.249, 34.05]])
    nearest, _ = find_nearest(line, end, np.array([[-118.2495, 34.0501]]), max_distance_m=30)
    assert nearest.tolist() == [0]


def test_a_square_degree_at_the_equator_is_about_12_309_km2() -> None:
    assert measure_km2(squares())[0] == pytest.approx(12_309, rel=0.001)


def test_an_outline_fits_into_a_cell_of_power_bi() -> None:
    angles = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    round_area = shapely.Polygon(np.column_stack([np.cos(angles), np.sin(angles)]) * 0.1)
    # Of many small parts, none can be simplified away.
    islands = shapely.MultiPolygon(
        [shapely.box(x, y, x + 0.5, y + 0.5) for x in range(40) for y in range(20)]
    )
    square = shapely.box(0, 0, 1, 1)
    texts = write_outlines(np.array([round_area, islands, square]), longest=3_000)
    assert [len(text) <= 3_000 for text in texts] == [True, True, True]
    simpler, hull, same = shapely.from_wkt(texts)
    assert simpler.area == pytest.approx(round_area.area, rel=0.01)
    assert hull.equals(shapely.convex_hull(islands))
    assert same.equals(square)


def nested(depth: int) -> str:
    return "GEOMETRYCOLLECTION(" * depth + "POINT(1 2)" + ")" * depth


def nested_bytes(depth: int, header: bytes = b"\x01\x07\0\0\0\x01\0\0\0") -> bytes:
    return header * depth + shapely.to_wkb(shapely.Point(1, 2))


def test_a_shape_nested_without_end_is_no_shape() -> None:
    shapes = read_wkt(["POINT(1 2)", nested(3), nested(100_000), None, "POINT(" * 50_000])
    assert shapely.is_missing(shapes).tolist() == [False, False, True, True, True]
    iso = b"\x01\xef\x03\0\0\x01\0\0\0"
    big = b"\0\0\0\0\x07\0\0\0\x01"
    points = b"\x01\x04\0\0\0\x01\0\0\0"
    deep = [nested_bytes(100_000, header) for header in (iso, big, points)]
    shapes = read_wkb([nested_bytes(3), nested_bytes(100_000), None, *deep, b"\x01\x07"])
    assert shapely.is_missing(shapes).tolist() == [False, True, True, True, True, True, True]


def test_an_object_nested_without_end_is_no_shape() -> None:
    def nested_object(depth: int) -> str:
        start = '{"type":"GeometryCollection","geometries":['
        return start * depth + '{"type":"Point","coordinates":[1,2]}' + "]}" * depth

    assert read_geojson(nested_object(3)) is not None
    assert read_geojson(nested_object(100_000)) is None
    assert read_geojson("[" * 100_000) is None


def test_a_large_shape_is_not_a_deep_one() -> None:
    parts = shapely.multipolygons([shapely.box(n, 0, n + 0.5, 1) for n in range(3000)])
    lines = shapely.multilinestrings([[(n, 5, 2), (n, 6, 7)] for n in range(3000)])
    for shape in (parts, lines, shapely.geometrycollections([parts, shapely.force_2d(lines)])):
        for given in (
            read_wkt([shape.wkt]),
            read_wkb([shapely.to_wkb(shape)]),
            read_wkb([shapely.to_wkb(shape, flavor="iso", byte_order=0)]),
            read_wkb([shapely.to_wkb(shapely.set_srid(shape, 4326), include_srid=True)]),
        ):
            assert shapely.equals_exact(given[0], shape)


def star(points: int) -> shapely.Polygon:
    return shapely.Polygon(np.random.default_rng(1).uniform(0, 1, (points, 2)))


def test_a_star_is_repaired_and_a_scribble_is_not() -> None:
    square, bow_tie = shapely.box(0, 0, 1, 1), shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    scribble = star(3000)
    repaired = repair(np.array([square, bow_tie, star(300), scribble, None]))
    assert repaired[0] is square
    assert repaired[1].area == 2
    assert repaired[2].is_valid
    assert repaired[2].area == pytest.approx(0.73, abs=0.01)
    assert repaired[3] is None  # it would take a minute and a half
    assert repaired[4] is None
