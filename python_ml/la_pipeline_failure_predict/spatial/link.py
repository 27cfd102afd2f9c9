"""`la-pipes link`: areas and soils of mains and breaks, and the mains of breaks without one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely

from la_pipeline_failure_predict.contracts.catalog import Table
from la_pipeline_failure_predict.spatial.geometry import (
    find_containing,
    find_nearest,
    measure_km2,
)
from la_pipeline_failure_predict.warehouse import Warehouse
from la_pipeline_failure_predict.warehouse.base import full_name

KEY = "_load_id as load_id, _row_number as row_number"
MID_POINT = (
    "(start_longitude + end_longitude) / 2 as longitude, "
    "(start_latitude + end_latitude) / 2 as latitude"
)
# Landing table -> what reads its points. The leaks are text, as delivered.
POINT_QUERIES = {
    "pipes": f"select {KEY}, {MID_POINT} from raw.pipes",
    "breaks": f"select {KEY}, longitude, latitude from raw.breaks",
    "ladwp_leaks": f"select {KEY}, lon as longitude, lat as latitude from raw.ladwp_leaks",
}
AREA_QUERIES = {
    "areas": f"select {KEY}, area_id, geometry_wkt from raw.areas",
    "la_neighborhoods": (
        f"select {KEY}, coalesce(replace(slug, '-la-county-neighborhood-v6', ''), '') as area_id, "
        "geometry_wkt from raw.la_neighborhoods"
    ),
}
SOIL_QUERIES = (
    "select soil_id, geometry_wkt from raw.soils",
    "select mukey as soil_id, geometry_wkt from raw.ssurgo_mapunits",
)


@dataclass(frozen=True)
class Linked:
    """How many rows each link table holds."""

    rows: Mapping[str, int]


def link(
    warehouse: Warehouse,
    tables: Mapping[str, Table],
    max_distance_m: float,
    progress: Callable[[str], None] = lambda message: None,
) -> Linked:
    """Find all links anew and replace the link tables in one transaction.

    Parameters
    ----------
    max_distance_m
        How far from a break its main may lie, metres.
    progress
        Told what is being linked.
    """
    warehouse.create_tables(tables.values())
    progress("measuring areas")
    areas, area_ids = _read_areas(warehouse)
    soil_ids = _read_soils(warehouse)
    results = {"area_measures": areas}
    points = {}
    for name, sql in POINT_QUERIES.items():
        points[name] = _read_points(warehouse, sql)
    progress("finding the area of each main and break")
    results["point_areas"] = pa.concat_tables(
        _contained(rows, area_ids, "area_id", source_name=name) for name, rows in points.items()
    )
    progress("finding the soil of each main")
    results["pipe_soils"] = _contained(points["pipes"], soil_ids, "soil_id")
    progress("finding the main of each break without one")
    results["break_pipes"] = _nearest_pipes(warehouse, max_distance_m)
    with warehouse.transaction():
        for name, rows in results.items():
            warehouse.execute(f"delete from {full_name(tables[name])}")
            warehouse.append(tables[name], rows.to_reader())
    for name in results:
        warehouse.analyze(tables[name])
    return Linked({name: rows.num_rows for name, rows in results.items()})


@dataclass(frozen=True)
class _Zones:
    """Polygons with the identifier of what they outline."""

    names: np.ndarray
    shapes: np.ndarray


def _read_areas(warehouse: Warehouse) -> tuple[pa.Table, _Zones]:
    """Return size and centre of every area with a polygon, and the polygons."""
    measured, names, shapes = [], [], []
    for source, sql in AREA_QUERIES.items():
        rows = warehouse.query(f"{sql} where geometry_wkt is not null order by 3, 1, 2")
        outlines = shapely.from_wkt(rows.column("geometry_wkt").to_numpy(zero_copy_only=False))
        inside = shapely.point_on_surface(shapely.make_valid(outlines))
        measured.append(
            pa.table(
                {
                    "source_name": pa.array([source] * rows.num_rows, pa.string()),
                    "load_id": rows.column("load_id").cast(pa.string()),
                    "row_number": rows.column("row_number").cast(pa.int64()),
                    "area_km2": measure_km2(outlines),
                    "longitude": shapely.get_x(inside),
                    "latitude": shapely.get_y(inside),
                }
            )
        )
        names.append(rows.column("area_id").to_numpy(zero_copy_only=False))
        shapes.append(outlines)
    return pa.concat_tables(measured), _Zones(np.concatenate(names), np.concatenate(shapes))


def _read_soils(warehouse: Warehouse) -> _Zones:
    names, shapes = [], []
    for sql in SOIL_QUERIES:
        rows = warehouse.query(f"{sql} where geometry_wkt is not null order by 1, 2")
        names.append(rows.column("soil_id").to_numpy(zero_copy_only=False))
        shapes.append(shapely.from_wkt(rows.column("geometry_wkt").to_numpy(zero_copy_only=False)))
    return _Zones(np.concatenate(names), np.concatenate(shapes))


def _read_points(warehouse: Warehouse, sql: str) -> pa.Table:
    rows = warehouse.query(sql)
    for name in ("longitude", "latitude"):
        rows = rows.set_column(rows.schema.get_field_index(name), name, _degrees(rows.column(name)))
    return rows


def _degrees(values: pa.ChunkedArray) -> pa.Array:
    """Return numbers; what is not one becomes NaN."""
    if pa.types.is_floating(values.type):
        return pa.array(values.to_numpy().astype(float))
    return pa.array([_number(text) for text in values.to_pylist()], pa.float64())


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else float("nan")
    except ValueError:
        return float("nan")


def _contained(
    rows: pa.Table, zones: _Zones, id_name: str, source_name: str | None = None
) -> pa.Table:
    """Return the keys of the rows that lie in a zone, with the zone's identifier."""
    found = find_containing(
        zones.shapes, rows.column("longitude").to_numpy(), rows.column("latitude").to_numpy()
    )
    kept = np.flatnonzero(found >= 0)
    columns = {
        "load_id": rows.column("load_id").cast(pa.string()).take(kept),
        "row_number": rows.column("row_number").cast(pa.int64()).take(kept),
        id_name: pa.array(zones.names[found[kept]], pa.string()),
    }
    if source_name is not None:
        columns = {"source_name": pa.array([source_name] * len(kept), pa.string()), **columns}
    return pa.table(columns)


def _nearest_pipes(warehouse: Warehouse, max_distance_m: float) -> pa.Table:
    pipes = warehouse.query(
        "select pipe_id, start_longitude, start_latitude, end_longitude, end_latitude "
        "from raw.pipes where start_longitude is not null and start_latitude is not null "
        "and end_longitude is not null and end_latitude is not null order by pipe_id"
    )
    breaks = warehouse.query(
        f"select {KEY}, longitude, latitude from raw.breaks "
        "where pipe_id is null and longitude is not null and latitude is not null"
    )
    nearest, distance = find_nearest(
        _pairs(pipes, "start_longitude", "start_latitude"),
        _pairs(pipes, "end_longitude", "end_latitude"),
        _pairs(breaks, "longitude", "latitude"),
        max_distance_m,
    )
    kept = np.flatnonzero(nearest >= 0)
    return pa.table(
        {
            "load_id": breaks.column("load_id").cast(pa.string()).take(kept),
            "row_number": breaks.column("row_number").cast(pa.int64()).take(kept),
            "pipe_id": pipes.column("pipe_id").cast(pa.string()).take(nearest[kept]),
            "distance_m": distance[kept],
        }
    )


def _pairs(rows: pa.Table, x: str, y: str) -> np.ndarray:
    return np.column_stack([rows.column(x).to_numpy(), rows.column(y).to_numpy()]).astype(float)
