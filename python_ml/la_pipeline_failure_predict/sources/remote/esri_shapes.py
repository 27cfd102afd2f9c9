"""Well-known text of the shapes of ArcGIS, which are lists of coordinates, as they are written."""

from collections.abc import Sequence
from typing import Any

import shapely

Position = Sequence[Any]


def shape_text(shape: dict[str, Any] | None) -> str | None:
    """Return a shape as well-known text, None where it is empty.

    Raises
    ------
    ValueError
        If it is of no known kind.
    """
    if not shape:
        return None
    if "x" in shape:
        is_empty = shape["x"] in (None, "NaN") or shape.get("y") in (None, "NaN")
        return None if is_empty else f"POINT ({shape['x']} {shape['y']})"
    if "points" in shape:
        points = [f"({_place(point)})" for point in shape["points"]]
        return f"MULTIPOINT ({', '.join(points)})" if points else None
    if "paths" in shape:
        return _lines([path for path in shape["paths"] if len(path) > 1])
    if "rings" in shape:
        return _polygons([ring for ring in shape["rings"] if len(ring) > 3])
    raise ValueError(f"a shape with {', '.join(sorted(shape))}")


def _lines(paths: list[Sequence[Position]]) -> str | None:
    if not paths:
        return None
    if len(paths) == 1:
        return f"LINESTRING {_places(paths[0])}"
    return f"MULTILINESTRING ({', '.join(map(_places, paths))})"


def _polygons(rings: list[Sequence[Position]]) -> str | None:
    """Put each hole into the smallest polygon around it; outer rings run clockwise."""
    outers = [[ring] for ring in rings if _doubled_area(ring) <= 0]
    holes = [ring for ring in rings if _doubled_area(ring) > 0]
    if not outers:  # drawn the wrong way round
        outers, holes = [[ring] for ring in holes], []
    for hole in holes:
        home = outers[0] if len(outers) == 1 else _home(hole, outers)
        home.append(hole)
    if not outers:
        return None
    texts = [f"({', '.join(map(_places, polygon))})" for polygon in outers]
    return f"POLYGON {texts[0]}" if len(texts) == 1 else f"MULTIPOLYGON ({', '.join(texts)})"


def _home(hole: Sequence[Position], outers: list[list[Sequence[Position]]]) -> list[Any]:
    inside = shapely.Polygon(_numbers(hole)).representative_point()
    shapes = [shapely.Polygon(_numbers(polygon[0])) for polygon in outers]
    around = [
        (shape.area, number) for number, shape in enumerate(shapes) if shape.intersects(inside)
    ]
    return outers[min(around)[1]] if around else outers[0]


def _doubled_area(ring: Sequence[Position]) -> float:
    points = _numbers(ring)
    left, bottom = points[0]
    moved = [(x - left, y - bottom) for x, y in points]
    pairs = zip(moved, moved[1:] + moved[:1], strict=True)
    return sum(first[0] * second[1] - second[0] * first[1] for first, second in pairs)


def _numbers(ring: Sequence[Position]) -> list[tuple[float, float]]:
    return [(float(position[0]), float(position[1])) for position in ring]


def _place(position: Position) -> str:
    return f"{position[0]} {position[1]}"


def _places(positions: Sequence[Position]) -> str:
    return f"({', '.join([f'{position[0]} {position[1]}' for position in positions])})"
