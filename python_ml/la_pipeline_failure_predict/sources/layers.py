"""Read map layers in batches, whatever their size: attributes, and what their shapes hold."""

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyproj import CRS
from pyproj.exceptions import CRSError

from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.sources.gdal import checked, pyogrio
from la_pipeline_failure_predict.sources.shapes import (
    WGS84,
    in_degrees,
    is_outside_degrees,
    read_binary,
    shape_columns,
)

# The distance along a line that ArcGIS adds to its places is no part of the shape.
warnings.filterwarnings("ignore", r"Measured \(M\) geometry types", UserWarning)

BATCH_ROWS = 20_000
LISTED = 12
"""Layers that a sentence names."""
STYLES = "layer_styles"
"""Table in which QGIS keeps how it draws the layers of a GeoPackage."""
SINGLE_LAYER = {".shp", ".fgb"}
UNNAMED = {"", "OGC_FID"}
"""What the reader calls the feature id of a format that has no name for it."""
ID_NAMES = {".shp": "FID", ".geojson": "id", ".json": "id"}
"""What its users call it."""


@dataclass(frozen=True)
class Layer:
    """A layer or table of a file; `shape` is the kind of its shapes, None for a table."""

    name: str
    shape: str | None

    def describe(self, path: Path) -> str:
        """Return its name, rows and kind, in words."""
        rows = pyogrio.read_info(checked(path), layer=self.name, force_feature_count=True)[
            "features"
        ]
        return f"{self.name} ({rows:,} rows, {self.shape or 'no shapes'})"


def list_layers(path: Path) -> list[Layer]:
    """Return the layers and tables of a file, in order.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    try:
        found = pyogrio.list_layers(checked(path))
    except UserError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from None
    return [Layer(name, shape) for name, shape in found if name != STYLES]


def choose_layer(path: Path, wanted: str | None) -> str | None:
    """Return the name of the layer to read, None where the format has only one.

    Raises
    ------
    UserError
        If none has that name, or none is named and there are several.
    """
    if wanted is None and path.suffix.lower() in SINGLE_LAYER:
        return None
    layers = list_layers(path)
    names = {layer.name.lower(): layer.name for layer in layers}
    if wanted is not None and wanted.lower() in names:
        return names[wanted.lower()]
    if wanted is None and len(layers) == 1:
        return layers[0].name
    if not layers:
        raise UserError(f"{path} has no layers: ask for the delivery again.")
    found = ", ".join(layer.describe(path) for layer in layers[:LISTED])
    found += f" and {len(layers) - LISTED} more" if len(layers) > LISTED else ""
    if wanted is not None:
        raise UserError(f"{path} has no layer {wanted!r}; it has {found}: correct `layer:`.")
    raise UserError(
        f"{path} has {len(layers)} layers: {found}; name one in a mapping, for example "
        f"`layer: {layers[0].name}`."
    )


def read_layer(
    path: Path, layer: str | None = None, crs: str | None = None, encoding: str | None = None
) -> Iterator[pa.Table]:
    """Yield the rows of a layer in batches: attributes, then shapes as text and measures.

    Moments are text, as they are written. The feature id is an attribute where users know it.

    Parameters
    ----------
    layer
        Its name; may be None where there is only one.
    crs
        System of shapes that cannot be degrees, in a file that says they are or says nothing.
    encoding
        Of a shapefile's texts, whatever it says itself.

    Raises
    ------
    UserError
        If the file cannot be read, the layer is not there or not named among several, or nothing
        says in which system its shapes are.
    """
    options: dict[str, object] = {"layer": choose_layer(path, layer), "batch_size": BATCH_ROWS}
    if encoding and path.suffix.lower() == ".shp":
        options["encoding"] = encoding
    options |= {"use_pyarrow": True, "return_fids": True, "datetime_as_string": True}
    try:
        with pyogrio.raw.open_arrow(checked(path), **options) as (meta, batches):
            shape_name = meta["geometry_name"] or "wkb_geometry"
            id_name = meta["fid_column"]
            system = known_system(meta["crs"])
            first = 0
            for batch in batches:
                rows = _readable(pa.Table.from_batches([batch]), path)
                given = rows.drop_columns([n for n in (shape_name,) if n in rows.column_names])
                attributes = expand_objects(_with_id(given, id_name, path, first))
                if shape_name in rows.column_names:
                    shapes = rows.column(shape_name)
                    attributes = with_shapes(attributes, shapes, system, crs, path)
                first += batch.num_rows
                yield attributes
    except UserError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from None


def known_system(given: object) -> CRS | None:
    """Return the coordinate system that a file declares, None where that is none on Earth."""
    try:
        system = CRS.from_user_input(given) if given else None
    except CRSError:
        return None
    return system if system and (system.is_geographic or system.is_projected) else None


def with_shapes(
    attributes: pa.Table, shapes: pa.ChunkedArray, system: CRS | None, crs: str | None, path: Path
) -> pa.Table:
    """Return attributes, and what their shapes hold in columns that no attribute has.

    Parameters
    ----------
    shapes
        Well-known binary.
    system
        What the file says of their coordinates; None where it says nothing.
    crs
        What the mapping says.

    Raises
    ------
    UserError
        If neither says anything, and the shapes cannot be degrees.
    """
    found, unreadable = read_binary(shapes.to_pylist())
    with np.errstate(invalid="ignore"):
        columns = shape_columns(_in_place(found, system, crs, path), unreadable)
    for name, values in columns.items():
        if name not in attributes.column_names:
            attributes = attributes.append_column(name, values)
    return attributes


def _in_place(shapes: np.ndarray, system: CRS | None, crs: str | None, path: Path) -> np.ndarray:
    """Return shapes in degrees of WGS 84."""
    if system is not None and system.is_projected:
        return in_degrees(shapes, system)
    is_outside = is_outside_degrees(shapes)
    if system is None and crs is None and is_outside.any():
        raise UserError(
            f"{path} does not say in which coordinate system its shapes are, and they are not in "
            "degrees: ask for it, and name it in a mapping, for example `crs: EPSG:2229`."
        )
    placed = shapes.copy()
    if system is not None and system != WGS84:
        placed[~is_outside] = in_degrees(shapes[~is_outside], system)
    if crs is not None:
        placed[is_outside] = in_degrees(shapes[is_outside], crs)
    return placed


def _readable(rows: pa.Table, path: Path) -> pa.Table:
    """Return rows whose texts are UTF-8, whatever the layer says of itself.

    Raises
    ------
    UserError
        If they are not.
    """
    try:
        rows.validate(full=True)
    except pa.ArrowInvalid:
        raise UserError(
            f"The texts of {path} are of another encoding than it says: name it in a mapping, for "
            "example `encoding: cp1252`."
        ) from None
    return rows


def _with_id(rows: pa.Table, given: str, path: Path, first: int) -> pa.Table:
    """Return rows with their feature id under its own name, without it where it is a row number."""
    ids = rows.column(given)
    rows = rows.drop_columns([given])
    suffix = path.suffix.lower()
    name = ID_NAMES.get(suffix, "") if given in UNNAMED else given
    is_counted = suffix != ".shp" and ids[0].as_py() == first and given in UNNAMED
    if not name or is_counted or name.lower() in map(str.lower, rows.column_names):
        return rows
    return rows.append_column(name, ids)


def expand_objects(rows: pa.Table) -> pa.Table:
    """Spread attributes that hold a JSON object into columns named ``attribute.key``."""
    for name in rows.column_names:
        column = rows.column(name)
        if isinstance(column.type, pa.BaseExtensionType):  # JSON by name
            column = column.cast(column.type.storage_type)
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            continue
        known = column.drop_null()
        if not len(known) or not str(known[0]).lstrip().startswith("{"):
            continue
        try:
            objects = [json.loads(value) if value else {} for value in column.to_pylist()]
        except (json.JSONDecodeError, RecursionError):
            continue
        if not all(isinstance(item, dict) for item in objects):
            continue
        keys = list(dict.fromkeys(key for item in objects for key in item))
        for key in keys:
            texts = [None if item.get(key) is None else str(item[key]) for item in objects]
            rows = rows.append_column(f"{name}.{key}", pa.array(texts, pa.string()))
    return rows


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path} cannot be read as a map layer ({first_line(error, 120)}): fetch it again."
    )
