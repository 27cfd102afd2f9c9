"""Read a tile, with the mains of some areas only."""

import gzip
import sqlite3
from collections.abc import Set
from contextlib import closing
from pathlib import Path

from mapbox_vector_tile.Mapbox import vector_tile_pb2


def read_tile(
    file: Path, zoom: int, x: int, y: int, area_ids: Set[str] | None = None
) -> bytes | None:
    """Return a tile, compressed with gzip; None where there is nothing to see.

    Parameters
    ----------
    x, y
        Column and row, counted from the north-west.
    area_ids
        Areas whose mains may be in it; None for all.
    """
    address = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as database:
        row = database.execute(
            "select data from tiles where zoom = ? and x = ? and y = ?", (zoom, x, y)
        ).fetchone()
    if row is None:
        return None
    return row[0] if area_ids is None else _within(row[0], area_ids)


def _within(data: bytes, area_ids: Set[str]) -> bytes | None:
    """Make a tile again of the mains in some areas: what is not drawn is not named either."""
    tile = vector_tile_pb2.tile.FromString(gzip.decompress(data))
    kept = vector_tile_pb2.tile()
    for layer in tile.layers:
        # Of each main: the places of its identifier and its area among the values.
        seen = [f for f in layer.features if layer.values[f.tags[3]].string_value in area_ids]
        if not seen:
            continue
        copy = kept.layers.add(name=layer.name, version=layer.version, extent=layer.extent)
        copy.keys.extend(layer.keys)
        places: dict[int, int] = {}
        for feature in seen:
            copied = copy.features.add(type=feature.type, geometry=feature.geometry)
            for key, value in zip(feature.tags[::2], feature.tags[1::2], strict=True):
                if value not in places:
                    places[value] = len(copy.values)
                    copy.values.add().CopyFrom(layer.values[value])
                copied.tags.extend([key, places[value]])
    return gzip.compress(kept.SerializeToString(), mtime=0) if kept.layers else None
