"""Soil map units: patches with resistivity and what follows from it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely

from la_pipeline_failure_predict.sample.fields import smooth_field, standard_normal_quantiles
from la_pipeline_failure_predict.sample.places import voronoi_cells

_PITCH_M: Final = 1_300.0
_REACH_M: Final = 400.0
_MEDIAN_OHM_CM: Final = 1_470.0
_LOG_SPREAD: Final = (0.579, 1.025)
"""Two-piece lognormal with 10/50/90 % at 700, 1,470 and 5,470 ohm-cm, as in Los Angeles."""

_TEXTURES: Final = ("clay", "clay loam", "loam", "sandy loam")
_SERIES: Final = (
    "Altamont", "Balcom", "Capistrano", "Chino", "Cropley", "Diablo", "Hanford", "Marina", "Metz",
    "Mocho", "Oakley", "Pacoima", "Ramona", "Soper", "Tujunga", "Yolo",
)  # fmt: skip


@dataclass(frozen=True)
class Soils:
    """Map units, n of them, each one polygon.

    Attributes
    ----------
    sites_m : array, shape (n, 2)
        Point a polygon is grown from, UTM meters; a place belongs to the unit of its nearest site.
    polygons_m : array of polygons, shape (n,)
        UTM meters.
    soil_id, soil_name, corrosivity_steel, corrosivity_concrete, shrink_swell, drainage_class :
    array, (n,)
        As in the landing contract.
    resistivity_ohm_cm, ph : array, shape (n,)
        Saturated resistivity; reaction in water.
    """

    sites_m: npt.NDArray[np.float64]
    polygons_m: npt.NDArray[np.object_]
    soil_id: npt.NDArray[np.str_]
    soil_name: npt.NDArray[np.str_]
    resistivity_ohm_cm: npt.NDArray[np.float64]
    ph: npt.NDArray[np.float64]
    corrosivity_steel: npt.NDArray[np.str_]
    corrosivity_concrete: npt.NDArray[np.str_]
    shrink_swell: npt.NDArray[np.str_]
    drainage_class: npt.NDArray[np.str_]

    def under(self, points_m: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Index of the map unit under each of the points, shape (n, 2) to (n,)."""
        tree = shapely.STRtree(shapely.points(self.sites_m))
        return np.asarray(tree.nearest(shapely.points(points_m)), dtype=np.int64)


def map_soils(rng: np.random.Generator, cells: npt.NDArray[np.object_]) -> Soils:
    """Cover the given cells (UTM meters) with map units.

    Corrosivity for steel follows the classes of the USDA National Soil Survey Handbook, part 618:
    high below 2,000 ohm-cm, moderate below 5,000, else low.
    """
    sites = _sites(rng, cells)
    polygons = voronoi_cells(sites, margin_m=_PITCH_M)
    used = np.zeros(len(sites), dtype=bool)
    used[shapely.STRtree(polygons).query(cells, predicate="dwithin", distance=_REACH_M)[1]] = True
    sites, polygons = sites[used], polygons[used]
    n = len(sites)
    rank = np.argsort(np.argsort(smooth_field(rng, sites, 2_500.0) + rng.normal(0, 0.7, n)))
    z = standard_normal_quantiles((rank + 0.5) / n)
    resistivity = _MEDIAN_OHM_CM * np.exp(z * np.where(z < 0, *_LOG_SPREAD))
    ph = (7.5 - 0.35 * z + rng.normal(0, 0.35, n)).clip(5.2, 9.2)
    clay = rng.normal(-0.8 * z, 0.6)  # clay conducts and swells
    texture = np.digitize(-clay, [-1.0, 0.0, 1.0])
    names = np.strings.add(
        np.strings.add(rng.choice(_SERIES, n), " "), np.array(_TEXTURES)[texture]
    )
    return Soils(
        sites_m=sites,
        polygons_m=polygons,
        soil_id=np.array([f"S{i:05d}" for i in range(1, n + 1)]),
        soil_name=names,
        resistivity_ohm_cm=resistivity.round(0),
        ph=ph.round(1),
        corrosivity_steel=np.array(["high", "moderate", "low"])[
            np.digitize(resistivity.round(0), [2_000.0, 5_000.0])
        ],
        corrosivity_concrete=np.array(["high", "moderate", "low"])[np.digitize(ph, [5.5, 6.5])],
        shrink_swell=np.array(["low", "moderate", "high", "very high"])[
            np.digitize(clay, [-0.3, 0.6, 1.7])
        ],
        drainage_class=np.array(
            ["somewhat poorly drained", "moderately well drained", "well drained",
             "somewhat excessively drained"]
        )[texture],
    )  # fmt: skip


def _sites(rng: np.random.Generator, cells: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
    """Jittered grid over the extent of the cells, one pitch wider on each side, shape (n, 2)."""
    west, south, east, north = shapely.total_bounds(cells)
    x = np.arange(west - 2 * _PITCH_M, east + 3 * _PITCH_M, _PITCH_M)
    y = np.arange(south - 2 * _PITCH_M, north + 3 * _PITCH_M, _PITCH_M)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return np.asarray(grid + rng.uniform(-0.42, 0.42, grid.shape) * _PITCH_M)
