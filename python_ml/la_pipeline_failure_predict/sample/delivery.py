"""Tables as a utility would deliver them: the contract's columns, with gaps and mistakes."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from la_pipeline_failure_predict.sample.climate import STATION_ID, Climate
from la_pipeline_failure_predict.sample.hazard import Leaks
from la_pipeline_failure_predict.sample.mains import JOINTS, MATERIALS, Mains
from la_pipeline_failure_predict.sample.network import ROAD_CLASSES
from la_pipeline_failure_predict.sample.places import PLACES, to_degrees
from la_pipeline_failure_predict.sample.soils import Soils
from la_pipeline_failure_predict.sample.targets import FIRST_RECORD_YEAR, LAST_RECORD_YEAR

_YEAR_ONLY: Final = 0.03
_NO_INSTALL_DATE: Final = 0.02
_NO_MATERIAL: Final = 0.02
_NO_PIPE_ID: Final = 0.05
_NO_LOCATION: Final = 0.02
_CANCELLED: Final = 0.03
_SERVICES: Final = 0.02

_FAILURE_MODES: Final = (
    "circumferential crack", "longitudinal crack", "corrosion hole", "joint leak", "split", "other",
)  # fmt: skip
_MODE_SHARES: Final = np.array(  # by material
    [
        [0.52, 0.10, 0.20, 0.13, 0.00, 0.05],
        [0.02, 0.05, 0.76, 0.11, 0.00, 0.06],
        [0.08, 0.10, 0.55, 0.20, 0.00, 0.07],
        [0.58, 0.18, 0.02, 0.15, 0.00, 0.07],
        [0.08, 0.25, 0.00, 0.25, 0.36, 0.06],
        [0.05, 0.05, 0.55, 0.25, 0.05, 0.05],
    ]
)


def main_ids(count: int) -> npt.NDArray[np.str_]:
    """Name the mains, shape (count,)."""
    return np.array([f"P{i:07d}" for i in range(1, count + 1)])


def pipes_table(rng: np.random.Generator, mains: Mains) -> pa.Table:
    """Every main, with some install dates and materials unknown."""
    n = len(mains.length_m)
    draw = rng.random(n)
    known_day = draw >= _YEAR_ONLY + _NO_INSTALL_DATE
    year_only = (draw >= _NO_INSTALL_DATE) & ~known_day
    start_longitude, start_latitude = to_degrees(*mains.start_m.T)
    end_longitude, end_latitude = to_degrees(*mains.end_m.T)
    half = np.where(mains.street % 2 == 0, "A", "B")
    zone = np.array([f"PZ-{i:03d}" for i in range(1, len(PLACES) + 1)])[mains.place]
    return pa.table(
        {
            "pipe_id": main_ids(n),
            "installation_id": _installation_ids(mains.installation),
            "material": pa.array(
                np.array(MATERIALS)[mains.material], mask=rng.random(n) < _NO_MATERIAL
            ),
            "diameter_mm": mains.diameter_mm,
            "length_m": mains.length_m.round(2),
            "installed_on": pa.array(mains.installed, mask=~known_day),
            "install_year": pa.array(mains.install_year, mask=~year_only),
            "joint_type": np.array(JOINTS)[mains.joint],
            "pressure_zone": np.strings.add(zone, half),
            "street_name": mains.street_name[mains.street],
            "road_class": np.array(ROAD_CLASSES)[mains.road_class],
            "critical_customer_count": mains.critical_customers,
            "decommissioned_on": pa.array(mains.retired),
            "start_longitude": start_longitude.round(7),
            "start_latitude": start_latitude.round(7),
            "end_longitude": end_longitude.round(7),
            "end_latitude": end_latitude.round(7),
            "geometry_wkt": _line_texts(mains),
        }
    )


def breaks_table(rng: np.random.Generator, mains: Mains, leaks: Leaks) -> pa.Table:
    """Every leak as noted by the crew, among cancelled calls and leaks of service lines.

    A row has a main or a location.
    """
    false_alarms = _other_calls(rng, mains, round(len(leaks.day) * _CANCELLED))
    services = _other_calls(rng, mains, round(len(leaks.day) * _SERVICES))
    parts = [leaks, false_alarms, services]
    kind = np.repeat([0, 1, 2], [len(part.day) for part in parts])
    main = np.concatenate([part.main for part in parts])
    day = np.concatenate([part.day for part in parts])
    points = np.concatenate([part.point_m for part in parts])
    order = np.argsort(day, kind="stable")
    kind, main, day, points = kind[order], main[order], day[order], points[order]
    n = len(day)
    draw = rng.random(n)
    no_main = draw < _NO_PIPE_ID
    no_location = draw > 1 - _NO_LOCATION
    longitude, latitude = to_degrees(*points.T)
    slip = rng.random(n) < 0.015
    noted = np.where(slip, rng.integers(len(MATERIALS), size=n), mains.material[main])
    limits = np.cumsum(_MODE_SHARES, axis=1)[mains.material[main]]
    mode = (rng.random((n, 1)) >= limits[:, :-1]).sum(axis=1)
    return pa.table(
        {
            "break_id": np.array([f"B{i:06d}" for i in range(1, n + 1)]),
            "pipe_id": pa.array(main_ids(len(mains.length_m))[main], mask=no_main),
            "installation_id": pa.array(
                _installation_ids(mains.installation[main]), mask=rng.random(n) < 0.08
            ),
            "broke_on": day,
            "asset_type": np.where(kind == 2, "SERVICE", "MAIN"),
            "status": np.where(kind == 1, "CANCELLED", "COMPLETED"),
            "failure_mode": pa.array(np.array(_FAILURE_MODES)[mode], mask=rng.random(n) < 0.04),
            "material": pa.array(np.array(MATERIALS)[noted], mask=rng.random(n) < 0.05),
            "diameter_mm": pa.array(mains.diameter_mm[main], mask=rng.random(n) < 0.05),
            "install_year": pa.array(mains.install_year[main], mask=rng.random(n) < 0.20),
            "street_name": mains.street_name[mains.street[main]],
            "longitude": pa.array(longitude.round(7), mask=no_location),
            "latitude": pa.array(latitude.round(7), mask=no_location),
        }
    )


def climate_table(climate: Climate) -> pa.Table:
    """One row per month."""
    months = climate.month_on
    return pa.table(
        {
            "station_id": np.full(len(months), STATION_ID),
            "month_on": months,
            "temperature_mean_c": climate.mean_c.ravel(),
            "temperature_min_c": climate.minimum_c.ravel(),
            "temperature_max_c": climate.maximum_c.ravel(),
            "rainfall_mm": climate.rain_mm.ravel(),
        }
    )


def areas_geojson(covered: list[int], cells_m: npt.NDArray[np.object_]) -> dict[str, Any]:
    """Neighborhoods with mains, as a GeoJSON feature collection (RFC 7946)."""
    return _features(
        cells_m[covered],
        [
            {
                "area_id": PLACES[index].area_id,
                "area_name": PLACES[index].name,
                "region_name": PLACES[index].region,
            }
            for index in covered
        ],
    )


def soils_geojson(soils: Soils) -> dict[str, Any]:
    """Map units as a GeoJSON feature collection (RFC 7946)."""
    columns: dict[str, list[Any]] = {
        "soil_id": soils.soil_id.tolist(),
        "soil_name": soils.soil_name.tolist(),
        "resistivity_ohm_cm": soils.resistivity_ohm_cm.tolist(),
        "ph": soils.ph.tolist(),
        "corrosivity_steel": soils.corrosivity_steel.tolist(),
        "corrosivity_concrete": soils.corrosivity_concrete.tolist(),
        "shrink_swell": soils.shrink_swell.tolist(),
        "drainage_class": soils.drainage_class.tolist(),
    }
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return _features(soils.polygons_m, rows)


def _features(
    polygons_m: npt.NDArray[np.object_], properties: list[dict[str, Any]]
) -> dict[str, Any]:
    """Polygons in degrees with their properties; rings run anticlockwise."""
    degrees = shapely.transform(
        shapely.orient_polygons(polygons_m), lambda xy: np.column_stack(to_degrees(*xy.T)).round(6)
    )
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": row,
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [shapely.get_coordinates(polygon).tolist()],
                },
            }
            for polygon, row in zip(degrees, properties, strict=True)
        ],
    }


def _line_texts(mains: Mains) -> npt.NDArray[np.object_]:
    """Axis of each main in degrees as well-known text, shape (mains,)."""
    nodes = np.stack([mains.start_m, mains.middle_m, mains.end_m], axis=1)
    degrees = np.stack(to_degrees(nodes[..., 0], nodes[..., 1]), axis=-1)
    return np.asarray(shapely.to_wkt(shapely.linestrings(degrees), rounding_precision=7))


def _installation_ids(installation: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """Name installations, shape as the argument."""
    names = np.array([f"I{i:06d}" for i in range(1, int(installation.max(initial=0)) + 2)])
    return names[installation]


def _other_calls(rng: np.random.Generator, mains: Mains, count: int) -> Leaks:
    """Invent calls that are not leaks of a main, anywhere and on any day a main was there."""
    first = np.datetime64(f"{FIRST_RECORD_YEAR}-01-01")
    end = np.datetime64(f"{LAST_RECORD_YEAR + 1}-01-01")
    start = np.maximum(mains.installed, first)
    stop = np.fmin(mains.retired, end)
    there = np.flatnonzero(start < stop)
    main = there[rng.integers(len(there), size=count)]
    days = (stop[main] - start[main]).astype(np.int64)
    day = start[main] + (rng.random(count) * days).astype(np.int64)
    return Leaks(main, day, mains.middle_m[main])
