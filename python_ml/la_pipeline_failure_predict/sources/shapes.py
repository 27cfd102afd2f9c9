"""Read map layers: shapes as well-known text in degrees, with the measures the contract takes."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely
from pyproj import CRS, Geod, Transformer

from la_pipeline_failure_predict.errors import UserError, first_line
from la_pipeline_failure_predict.sources.gdal import checked, pyogrio
from la_pipeline_failure_predict.spatial.geometry import read_wkb

WGS84 = CRS.from_epsg(4326)
GEODESIC = Geod(ellps="WGS84")


def read_vector(path: Path, layer: str | None = None, crs: str | None = None) -> pa.Table:
    """Read a vector file: attributes as they are, geometry as WGS 84 text and measures.

    Parameters
    ----------
    crs
        System of shapes that cannot be degrees in a file that says they are, as GeoJSON does.
    """
    try:
        meta, rows = pyogrio.read_arrow(checked(path), layer=layer)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{path} cannot be read as a map layer ({first_line(error, 120)}): fetch it again."
        ) from None
    geometry_name = meta["geometry_name"] or "wkb_geometry"
    attributes = _expand_objects(rows.drop_columns([geometry_name]))
    binary = rows.column(geometry_name).to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        shapes = read_wkb(binary)
        unreadable = shapely.is_missing(shapes) & rows.column(geometry_name).is_valid().to_numpy()
        shapes[shapely.is_empty(shapes)] = None
        declared = meta["crs"] and CRS.from_user_input(meta["crs"])
        if declared and declared != WGS84:
            shapes = _in_degrees(shapes, meta["crs"])
        elif crs:
            shapes = project_shapes(shapes, crs)
        measures = _measures(shapes, unreadable)
    for name, values in measures.items():
        if name not in attributes.column_names:
            attributes = attributes.append_column(name, values)
    return attributes


def project_shapes(shapes: np.ndarray, crs: str) -> np.ndarray:
    """Return shapes in degrees: those that cannot be degrees are in the system named.

    Raises
    ------
    UserError
        If the system is not known.
    """
    projected = is_outside_degrees(shapes)
    shapes = shapes.copy()
    shapes[projected] = _in_degrees(shapes[projected], crs)
    return shapes


def is_outside_degrees(shapes: np.ndarray) -> np.ndarray:
    """Return whether each shape leaves the range of longitude and latitude; no shape does not."""
    west, south, east, north = shapely.bounds(shapes).T
    return (west < -180) | (south < -90) | (east > 180) | (north > 90)


def _in_degrees(shapes: np.ndarray, crs: str) -> np.ndarray:
    return shapely.transform(shapes, lambda x, y: to_wgs84(crs, x, y), interleaved=False)


def _measures(shapes: np.ndarray, unreadable: np.ndarray) -> dict[str, pa.Array]:
    """Return the geometry as text and, for points and lines, the contract's coordinates."""
    texts = shapely.to_wkt(shapes, rounding_precision=7)
    texts[unreadable] = "unreadable"  # refused as such, rather than taken for no geometry
    columns = {"geometry_wkt": pa.array(texts, pa.string())}
    kinds = shapely.get_type_id(shapes)
    is_point, is_line = kinds == 0, np.isin(kinds, (1, 5))
    if is_point.any():
        points = _only(shapes, is_point)
        columns |= {"longitude": _known(shapely.get_x(points))}
        columns |= {"latitude": _known(shapely.get_y(points))}
    if is_line.any():
        given = _only(shapes, is_line)
        lines = shapely.line_merge(given)
        lines = np.where(shapely.get_type_id(lines) == 5, shapely.get_geometry(lines, 0), lines)
        for end, index in (("start", 0), ("end", -1)):
            point = shapely.get_point(lines, index)
            columns[f"{end}_longitude"] = _known(shapely.get_x(point))
            columns[f"{end}_latitude"] = _known(shapely.get_y(point))
        lengths = (np.nan if line is None else GEODESIC.geometry_length(line) for line in given)
        columns["length_m"] = _known(np.fromiter(lengths, float, len(given)))
    return columns


def _only(shapes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the shapes that are wanted, and none in the place of the others."""
    kept = shapes.copy()
    kept[~wanted] = None
    return kept


def _known(values: np.ndarray) -> pa.Array:
    """Return numbers, null where there is none."""
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _expand_objects(rows: pa.Table) -> pa.Table:
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
        except json.JSONDecodeError:
            continue
        if not all(isinstance(item, dict) for item in objects):
            continue
        keys = list(dict.fromkeys(key for item in objects for key in item))
        for key in keys:
            texts = [None if item.get(key) is None else str(item[key]) for item in objects]
            rows = rows.append_column(f"{name}.{key}", pa.array(texts, pa.string()))
    return rows


def to_wgs84(crs: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude (degrees) of coordinates in another system.

    Raises
    ------
    UserError
        If the system is not known.
    """
    try:
        transformer = Transformer.from_crs(crs, WGS84, always_xy=True)
    except Exception as error:
        raise UserError(
            f"Unknown coordinate system {crs!r} in the mapping: write it as EPSG:26917."
        ) from error
    longitude, latitude = transformer.transform(x, y)
    return np.asarray(longitude), np.asarray(latitude)
