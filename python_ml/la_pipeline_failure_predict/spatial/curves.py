"""Curves become lines: GIS programs draw arcs, which no step after loading can use."""

import math
import re
from dataclasses import dataclass, field

import shapely

ARC_STEP = math.radians(4)
"""Angle between two points on an arc, as GDAL takes it."""
MAX_DEPTH = 8
"""How deep shapes that are made of arcs lie in each other; what is deeper is none."""
ARCS = re.compile("CIRCULARSTRING|COMPOUNDCURVE|CURVEPOLYGON|MULTICURVE|MULTISURFACE", re.I)
"""Words of shapes that are made of arcs."""
# Kind of the members that are written without one.
MEMBERS = {
    "COMPOUNDCURVE": "LINESTRING",
    "CURVEPOLYGON": "LINESTRING",
    "POLYGON": "LINESTRING",
    "MULTICURVE": "LINESTRING",
    "MULTILINESTRING": "LINESTRING",
    "MULTISURFACE": "POLYGON",
    "MULTIPOLYGON": "POLYGON",
}
COLLECTIONS = {
    "MULTICURVE": shapely.MultiLineString,
    "MULTILINESTRING": shapely.MultiLineString,
    "MULTISURFACE": shapely.MultiPolygon,
    "MULTIPOLYGON": shapely.MultiPolygon,
    "GEOMETRYCOLLECTION": shapely.GeometryCollection,
}

Places = list[complex]


@dataclass
class _Part:
    """A shape as it is written: its kind, places or members."""

    kind: str
    places: Places = field(default_factory=list)
    members: list["_Part"] = field(default_factory=list)


def straighten(text: str) -> shapely.Geometry | None:
    """Return the shape of a well-known text that has arcs, in lines; None if it is unreadable.

    Heights are left out.
    """
    try:
        return _shape(_parse(text))
    except (ValueError, IndexError, KeyError, shapely.errors.ShapelyError):
        return None


def _parse(text: str) -> _Part:
    """Return the parts of a well-known text.

    Raises
    ------
    ValueError
        If it is none.
    """
    root = _Part("")
    open_parts, kind = [root], ""
    numbers: list[float] = []
    for piece in re.findall(r"[A-Za-z]+|[(),]|[^\sA-Za-z(),][^\s(),]*", text):
        part = open_parts[-1]
        if piece == "(":
            member = _Part(kind or MEMBERS[part.kind])
            part.members.append(member)
            open_parts.append(member)
            kind = ""
        elif piece in "),":
            if numbers:
                part.places.append(complex(numbers[0], numbers[1]))
            numbers = []
            if piece == ")":
                open_parts.pop()
        elif piece.isalpha():
            kind = kind if piece.upper() in ("Z", "M", "ZM") else _kind(piece)
        else:
            numbers.append(float(piece))
        if not 0 < len(open_parts) <= MAX_DEPTH:
            raise ValueError(f"parentheses at {piece!r}")
    if len(open_parts) != 1 or len(root.members) != 1:
        raise ValueError("not one shape")
    return root.members[0]


def _kind(word: str) -> str:
    """Return a kind of shape in capitals, without a sign of heights at its end."""
    return re.sub(r"(?<=[GTNE])(ZM|Z|M)$", "", word.upper())


def _shape(part: _Part) -> shapely.Geometry:
    if part.kind in COLLECTIONS:
        return COLLECTIONS[part.kind]([_shape(member) for member in part.members])
    if part.kind in ("POLYGON", "CURVEPOLYGON"):
        outer, *holes = ([(z.real, z.imag) for z in _line(ring)] for ring in part.members)
        return shapely.Polygon(outer, holes)
    if part.kind == "POINT":
        return shapely.Point(part.places[0].real, part.places[0].imag)
    return shapely.LineString([(z.real, z.imag) for z in _line(part)])


def _line(part: _Part) -> Places:
    """Return the places along a line, an arc, or several that follow each other."""
    if part.kind == "LINESTRING":
        return part.places
    if part.kind == "CIRCULARSTRING":
        if len(part.places) % 2 == 0:
            raise ValueError("an arc is drawn through three places")
        places = part.places[:1]
        for number in range(2, len(part.places), 2):
            places += _arc(*part.places[number - 2 : number + 1])
        return places
    if part.kind != "COMPOUNDCURVE":
        raise ValueError(f"{part.kind} is no line")
    lines = [_line(member) for member in part.members]
    return [*lines[0], *(place for line in lines[1:] for place in line[1:])]


def _arc(start: complex, middle: complex, end: complex) -> Places:
    """Return the places after the first on the arc through three; a circle, if it ends there."""
    if start == end:
        center, sweep = (start + middle) / 2, 2 * math.pi
    else:
        ratio = (end - start) / (middle - start) if middle != start else 0j
        if abs(ratio.imag) < 1e-12:  # three on a line
            return [middle, end]
        center = start - (start - middle) * (ratio - abs(ratio) ** 2) / (2j * ratio.imag)
        turned = (end - center) / (start - center)
        sweep = math.atan2(turned.imag, turned.real) % (2 * math.pi)
        if ratio.imag < 0:  # clockwise
            sweep -= 2 * math.pi
    steps = max(2, math.ceil(abs(sweep) / ARC_STEP))
    angles = (sweep * step / steps for step in range(1, steps))
    return [center + (start - center) * complex(math.cos(a), math.sin(a)) for a in angles] + [end]
