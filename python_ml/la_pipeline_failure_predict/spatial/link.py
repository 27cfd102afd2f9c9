"""`la-pipes link`: areas and soils of mains and breaks, and the mains of breaks without one."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely

from la_pipeline_failure_predict.spatial.geometry import (
    Service,
    find_containing,
    find_nearest,
    measure_km2,
    read_wkt,
    repair,
    write_outlines,
)
from la_pipeline_failure_predict.vintages import DELIVERIES
from la_pipeline_failure_predict.warehouse import Warehouse

log = logging.getLogger(__name__)

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
VERSION = f"{KEY}, _loaded_at as loaded_at"
AREA_QUERIES = {
    "areas": f"select {VERSION}, trim(area_id) as zone_id, geometry_wkt from raw.areas",
    "la_neighborhoods": (
        f"select {VERSION}, trim(replace(slug, '-la-county-neighborhood-v6', '')) as zone_id, "
        "geometry_wkt from raw.la_neighborhoods"
    ),
}
SOIL_QUERIES = {
    "soils": f"select {VERSION}, trim(soil_id) as zone_id, geometry_wkt from raw.soils",
    "ssurgo_mapunits": (
        f"select {VERSION}, trim(mukey) as zone_id, geometry_wkt from raw.ssurgo_mapunits"
    ),
}
LINK_TABLES = ("area_measures", "point_areas", "pipe_soils", "break_pipes")
# Where each identifier lay, by the newest delivery of each install year: a main that took over an
# identifier does not move the former one. The models decide which of them a break belongs to.
PIPES = f"""
{DELIVERIES},
mains as (
    select
        trim(pipe_id) as pipe_id,
        start_longitude,
        start_latitude,
        end_longitude,
        end_latitude,
        coalesce(installed_on, cast(cast(install_year as text) || '-01-01' as date))
            as installed_on,
        decommissioned_on,
        deliveries.number,
        deliveries.next_full_on,
        _row_number
    from raw.pipes
    inner join deliveries on raw.pipes._load_id = deliveries.load_id
    where not deliveries.is_read_again
),
versions as (
    select
        mains.*,
        max(number) over (partition by pipe_id) = number as is_newest,
        row_number() over (
            partition by pipe_id, installed_on order by number desc, _row_number
        ) as version
    from mains
)
select
    pipe_id,
    start_longitude,
    start_latitude,
    end_longitude,
    end_latitude,
    installed_on,
    coalesce(decommissioned_on, case when is_newest then next_full_on end) as decommissioned_on
from versions
where
    version = 1
    and start_longitude is not null and start_latitude is not null
    and end_longitude is not null and end_latitude is not null
"""
BREAKS = (
    f"select {KEY}, longitude, latitude, broke_on from raw.breaks "
    "where nullif(trim(pipe_id), '') is null and longitude is not null and latitude is not null"
)


@dataclass(frozen=True)
class Linked:
    """How many rows each link table holds."""

    rows: Mapping[str, int]


def link(
    warehouse: Warehouse,
    max_distance_m: float,
    progress: Callable[[str], None] = lambda message: None,
    changed: Set[str] | None = None,
) -> Linked:
    """Find the links of what was loaded and replace them in one transaction.

    Parameters
    ----------
    max_distance_m
        How far from a break its main may lie, meters.
    progress
        Told what is being linked.
    changed
        Landing tables whose loads changed since all was linked; None finds all links anew.
    """
    results = list(_find_links(warehouse, max_distance_m, progress, changed))
    with warehouse.transaction():
        for found in results:
            warehouse.execute(f"delete from {warehouse.full_name(found.table)} where {found.where}")
            warehouse.append(warehouse.table(found.table), found.rows.to_reader())
    for name in dict.fromkeys(found.table for found in results):
        warehouse.analyze(warehouse.table(name))
    return Linked(
        {
            name: int(str(warehouse.scalar(f"select count(*) from {warehouse.full_name(name)}")))
            for name in LINK_TABLES
        }
    )


@dataclass(frozen=True)
class _Links:
    """Rows of a link table that take the place of those of a condition."""

    table: str
    rows: pa.Table
    where: str = "true"


def _find_links(
    warehouse: Warehouse,
    max_distance_m: float,
    progress: Callable[[str], None],
    changed: Set[str] | None,
) -> Iterator[_Links]:
    """Yield what may differ from what is there: the links that read a changed table."""

    def is_stale(*tables: str) -> bool:
        return changed is None or not changed.isdisjoint(tables)

    located = [name for name in POINT_QUERIES if is_stale(name, *AREA_QUERIES)]
    in_soil = ["pipes"] if is_stale("pipes", *SOIL_QUERIES) else []
    points = {name: _read_points(warehouse, POINT_QUERIES[name]) for name in {*located, *in_soil}}
    if located:
        progress("measuring areas")
        measures, areas = _read_areas(warehouse)
        if is_stale(*AREA_QUERIES):
            yield _Links("area_measures", measures)
        progress("finding the area of each main and break")
        for name in located:
            rows = _contained(points[name], areas, "area_id", source_name=name)
            yield _Links("point_areas", rows, f"source_name = '{name}'")
    for name in in_soil:
        progress("finding the soil of each main")
        yield _Links("pipe_soils", _contained(points[name], _read_soils(warehouse), "soil_id"))
    if is_stale("breaks", "pipes"):
        progress("finding the main of each break without one")
        yield _Links("break_pipes", _nearest_pipes(warehouse, max_distance_m))


@dataclass(frozen=True)
class _Zones:
    """Polygons with the identifier of what they outline."""

    names: np.ndarray
    shapes: np.ndarray


def _read_areas(warehouse: Warehouse) -> tuple[pa.Table, _Zones]:
    """Return size, outline and center of every area with a polygon, and the polygons."""
    measured, zones = [], []
    for source, sql in AREA_QUERIES.items():
        rows, outlines = _read_outlines(warehouse, sql)
        inside = shapely.point_on_surface(outlines)
        measured.append(
            pa.table(
                {
                    "source_name": pa.array([source] * rows.num_rows, pa.string()),
                    "load_id": rows.column("load_id").cast(pa.string()),
                    "row_number": rows.column("row_number").cast(pa.int64()),
                    "area_km2": measure_km2(outlines),
                    "outline_wkt": pa.array(write_outlines(outlines), pa.string()),
                    "longitude": shapely.get_x(inside),
                    "latitude": shapely.get_y(inside),
                }
            )
        )
        zones.append(_newest(rows, outlines))
    return pa.concat_tables(measured), _joined(zones)


def _read_soils(warehouse: Warehouse) -> _Zones:
    return _joined([_newest(*_read_outlines(warehouse, sql)) for sql in SOIL_QUERIES.values()])


def _read_outlines(warehouse: Warehouse, sql: str) -> tuple[pa.Table, np.ndarray]:
    """Return delivered polygons, sorted here because engines sort text by their locale."""
    rows = warehouse.query(f"{sql} where geometry_wkt is not null")
    rows = rows.sort_by(
        [("zone_id", "ascending"), ("load_id", "ascending"), ("row_number", "ascending")]
    )
    outlines = repair(read_wkt(rows.column("geometry_wkt").to_pylist()))
    readable = ~shapely.is_missing(outlines)
    if not readable.all():
        log.warning("%d polygons cannot be read and hold no point", (~readable).sum())
    return rows.filter(pa.array(readable)), outlines[readable]


def _newest(rows: pa.Table, outlines: np.ndarray) -> _Zones:
    """Keep the polygons of each zone's newest load: a redrawn border replaces the old one."""
    newest: dict[str, tuple[object, str]] = {}
    versions = list(
        zip(
            rows.column("zone_id").to_pylist(),
            rows.column("loaded_at").to_pylist(),
            rows.column("load_id").to_pylist(),
            strict=True,
        )
    )
    for zone, loaded_at, load in versions:
        best = newest.get(zone)
        if best is None or loaded_at > best[0]:
            newest[zone] = (loaded_at, load)
    kept = np.array([newest[zone][1] == load for zone, _, load in versions], dtype=bool)
    names = rows.column("zone_id").to_numpy(zero_copy_only=False)
    return _Zones(names[kept], outlines[kept])


def _joined(zones: Sequence[_Zones]) -> _Zones:
    return _Zones(
        np.concatenate([zone.names for zone in zones]),
        np.concatenate([zone.shapes for zone in zones]),
    )


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
    pipes = warehouse.query(PIPES).sort_by("pipe_id")
    breaks = warehouse.query(BREAKS)
    nearest, distance = find_nearest(
        _pairs(pipes, "start_longitude", "start_latitude"),
        _pairs(pipes, "end_longitude", "end_latitude"),
        _pairs(breaks, "longitude", "latitude"),
        max_distance_m,
        served=Service(
            begins=_days(pipes, "installed_on", -np.inf),
            ends=_days(pipes, "decommissioned_on", np.inf),
            on=_days(breaks, "broke_on", np.nan),
        ),
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


def _days(rows: pa.Table, name: str, missing: float) -> np.ndarray:
    """Return dates as days since 1970, shape (n,)."""
    days = rows.column(name).cast(pa.date32()).cast(pa.int32()).cast(pa.float64())
    return days.fill_null(missing).to_numpy()


def _pairs(rows: pa.Table, x: str, y: str) -> np.ndarray:
    return np.column_stack([rows.column(x).to_numpy(), rows.column(y).to_numpy()]).astype(float)
