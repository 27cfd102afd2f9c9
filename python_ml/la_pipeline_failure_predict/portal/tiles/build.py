"""Vector tiles of the mains of a snapshot, as Mapbox Vector Tile 2.1 in an SQLite file."""

import gzip
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from mapbox_vector_tile.Mapbox import vector_tile_pb2

from la_pipeline_failure_predict.portal.tiles.layers import (
    LAYERS,
    LEAST_ZOOM,
    MOST_BYTES,
    MOST_ZOOM,
)

EXTENT = 4096
"""Units along a side of a tile."""
MARGIN = 64
"""Units of a line that are drawn beyond the side, so that its end cannot be seen there."""
MOST_LATITUDE = 85.0511
MOVE_TO, LINE_TO = 1, 2
ONE_MOVE = MOVE_TO | 1 << 3

Numbers = npt.NDArray[np.int64]
Shapes = npt.NDArray[np.object_]
Place = tuple[int, int]
"""Column and row of a tile, counted from the north-west."""


@dataclass(frozen=True)
class _Mains:
    """Mains of a layer; lines in a square of one by one, which is the world."""

    layer: str
    pipe_ids: Sequence[str]
    area_ids: Sequence[str]
    lines: Shapes


def build(lines: pa.Table, file: Path) -> None:
    """Write the tiles of lines to a new SQLite file: one row per tile, compressed with gzip.

    Parameters
    ----------
    lines
        `layer`, `pipe_id`, `area_id` and `line_wkt` of each main; longitude and latitude in WGS 84.
    """
    with closing(sqlite3.connect(file)) as database:
        database.execute(
            "create table tiles (zoom integer, x integer, y integer, data blob, "
            "primary key (zoom, x, y)) without rowid"
        )
        mains = {layer.name: _read(lines, layer.name) for layer in LAYERS}
        for zoom in range(LEAST_ZOOM, MOST_ZOOM + 1):
            shown = [mains[layer.name] for layer in LAYERS if layer.least_zoom <= zoom]
            database.executemany(
                "insert into tiles values (?, ?, ?, ?)",
                ((zoom, *place, data) for place, data in _tiles(shown, zoom)),
            )
        database.commit()


def _read(lines: pa.Table, layer: str) -> _Mains:
    chosen = lines.filter(pc.equal(lines["layer"], layer))
    shapes = shapely.from_wkt(np.asarray(chosen["line_wkt"], dtype=object))
    return _Mains(
        layer,
        chosen["pipe_id"].to_pylist(),
        chosen["area_id"].to_pylist(),
        shapely.transform(shapes, _to_square),
    )


def _to_square(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Project longitude and latitude to Web Mercator (EPSG:3857), north-west to south-east."""
    latitude = np.radians(np.clip(places[:, 1], -MOST_LATITUDE, MOST_LATITUDE))
    north = np.log(np.tan(np.pi / 4 + latitude / 2)) / (2 * np.pi)
    return np.column_stack([places[:, 0] / 360 + 0.5, 0.5 - north])


def _tiles(shown: Sequence[_Mains], zoom: int) -> Iterator[tuple[Place, bytes]]:
    """Yield the tiles of a zoom; what does not fit in one is left to the closer zooms."""
    members = [_by_place(mains.lines, zoom) for mains in shown]
    for place in sorted(set().union(*members)):
        data = b""
        for mains, here in zip(shown, members, strict=True):
            # A tile is a list of layers: two, one after the other, are a tile of both.
            longer = data + (_layer(mains, here[place], zoom, place) if place in here else b"")
            if zoom < MOST_ZOOM and len(longer) > MOST_BYTES < len(_compressed(longer)):
                break
            data = longer
        if data:
            yield place, _compressed(data)


def _compressed(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=6, mtime=0)


def _by_place(lines: Shapes, zoom: int) -> Mapping[Place, Numbers]:
    """Return which lines may be seen in each tile, by their bounds."""
    if not len(lines):
        return {}
    margin = MARGIN / EXTENT
    bounds = shapely.bounds(lines) * 2**zoom
    most = 2**zoom - 1
    first = np.clip(np.floor(bounds[:, :2] - margin), 0, most).astype(np.int64)
    last = np.clip(np.floor(bounds[:, 2:] + margin), 0, most).astype(np.int64)
    across, down = (last - first + 1).T
    counts = across * down
    line = np.repeat(np.arange(len(lines)), counts)
    nth = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
    columns = first[line, 0] + nth % across[line]
    rows = first[line, 1] + nth // across[line]
    order = np.lexsort((line, rows, columns))
    places, starts = np.unique(np.column_stack([columns, rows])[order], axis=0, return_index=True)
    return dict(zip(map(tuple, places.tolist()), np.split(line[order], starts[1:]), strict=True))


def _layer(mains: _Mains, members: Numbers, zoom: int, place: Place) -> bytes:
    """Return some mains as the one layer of a tile; empty if none is in it."""
    tile = vector_tile_pb2.tile()
    layer = tile.layers.add(name=mains.layer, version=2, extent=EXTENT)
    layer.keys.extend(["pipe_id", "area_id"])
    areas: dict[str, int] = {}
    for member, commands in _drawn(mains.lines[members], zoom, place):
        main = members[member]
        area_id = mains.area_ids[main]
        if area_id not in areas:
            areas[area_id] = len(layer.values)
            layer.values.add(string_value=area_id)
        feature = layer.features.add(type=vector_tile_pb2.tile.LineString)
        feature.tags.extend([0, len(layer.values), 1, areas[area_id]])
        feature.geometry.extend(commands)
        layer.values.add(string_value=mains.pipe_ids[main])
    return tile.SerializeToString() if layer.features else b""


def _drawn(lines: Shapes, zoom: int, place: Place) -> Iterator[tuple[int, list[int]]]:
    """Yield the commands that draw each line of a tile, with its number.

    Lines that are shorter than a unit, or outside, are not drawn.
    """
    local = shapely.transform(lines, lambda places: (places * 2**zoom - place) * EXTENT)
    clipped = shapely.clip_by_rect(local, -MARGIN, -MARGIN, EXTENT + MARGIN, EXTENT + MARGIN)
    parts, owners = shapely.get_parts(clipped, return_index=True)
    exact, part = shapely.get_coordinates(parts, return_index=True)
    points = np.rint(exact).astype(np.int64)
    moved = _changes(part) | (np.diff(points, axis=0, prepend=points[:1]) != 0).any(axis=1)
    points, part = points[moved], part[moved]
    long_enough = np.bincount(part, minlength=len(parts))[part] > 1
    points, part = points[long_enough], part[long_enough]
    if not len(points):
        return
    commands, starts = _commands(points, _changes(part), _changes(owners[part]))
    ends = [*starts[1:], len(commands)]
    drawn = owners[part][_changes(owners[part])]
    for member, start, end in zip(drawn.tolist(), starts, ends, strict=True):
        yield member, commands[start:end]


def _commands(
    points: Numbers, begins_part: npt.NDArray[np.bool_], begins_line: npt.NDArray[np.bool_]
) -> tuple[list[int], list[int]]:
    """Return the commands of all lines, and where those of each line start.

    A part is: move, its first point, draw so many, the other points. A point is told as the way
    from the one before; a line starts from (0, 0). Specification: Mapbox Vector Tile 2.1, 4.3.
    """
    before = np.vstack([np.zeros((1, 2), np.int64), points[:-1]])
    before[begins_line] = 0
    way = points - before
    told = (way << 1) ^ (way >> 63)
    number = np.arange(len(points))
    part = np.cumsum(begins_part) - 1
    # Two commands a part, of which the second comes after the first point.
    at = 2 * (number + part) + 1 + ~begins_part
    commands = np.zeros(2 * len(points) + 2 * (part[-1] + 1), np.int64)
    commands[at], commands[at + 1] = told.T
    firsts = at[begins_part]
    commands[firsts - 1] = ONE_MOVE
    commands[firsts + 2] = LINE_TO | (np.bincount(part) - 1) << 3
    return commands.tolist(), (at[begins_line] - 1).tolist()


def _changes(values: Numbers) -> npt.NDArray[np.bool_]:
    """Return where a value differs from the one before; the first one does."""
    return np.concatenate([[True], values[1:] != values[:-1]]) if len(values) else np.zeros(0, bool)
