"""The true hazard, and the leaks it brings about.

Expected leaks of a main in a calendar year, given everything before 1 January::

    length x share of the year in service
    x rate of its material and era (normalized to the targets, every year)
    x diameter x age x soil x road x joint x installation frailty x spatial frailty
    x excitation by leaks of the last three years (same installation; within 100 m)

The year's weather is not known on 1 January: it affects all mains in the same way, has mean 1 over
the record, and is left out of the true hazard.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely

from la_pipeline_failure_predict.sample.climate import Climate, month_weights
from la_pipeline_failure_predict.sample.fields import smooth_field, systematic_counts
from la_pipeline_failure_predict.sample.mains import (
    AC,
    CI,
    COPPER,
    DI,
    LEADITE,
    MATERIALS,
    PVC,
    STEEL,
    Mains,
)
from la_pipeline_failure_predict.sample.soils import Soils
from la_pipeline_failure_predict.sample.targets import (
    FIRST_RECORD_YEAR,
    HISTORY_YEARS,
    LAST_RECORD_YEAR,
    METRES_PER_MILE,
    NEAR_M,
    PRE_WAR_YEAR,
    PROTOCOL_TARGETS,
)

_SPATIAL_SIGMA: Final = 0.12
_SPATIAL_RANGE_M: Final = 350.0
# Tuned, with the length of installations, to the two figures about repeats. Most of the clustering
# comes from leaks, which a model can see, and little from frailty, which a model cannot see.
_EXCITED_INSTALLATION: Final = 1.9
_EXCITED_NEAR: Final = 2.45
_LOCATION_NOISE_M: Final = 5.0
_OLD_STEEL_LEAK_SHARE: Final = 0.03
"""Riveted and early welded steel before 1931, as a share of all leaks; else cast iron."""

_SHRINK_SWELL: Final = {"low": 1.0, "moderate": 1.1, "high": 1.3, "very high": 1.5}
_SOIL_EXPONENT: Final = np.array([0.30, 0.40, 0.30, 0.0, 0.0, 0.10])  # by material
_BRITTLE: Final = (CI, AC)
_RELATIVE_RATE: Final = {
    DI: 1.0,
    AC: 1.5,
    COPPER: 2.0,
}  # of what cast iron, steel and PVC leave over


@dataclass(frozen=True)
class Leaks:
    """Leaks of the record, n of them, in the order of the days.

    Attributes
    ----------
    main : array, shape (n,)
        Index of the main.
    day : array, shape (n,)
        `datetime64[D]`.
    point_m : array, shape (n, 2)
        Where the crew noted it, UTM meters.
    """

    main: npt.NDArray[np.int64]
    day: npt.NDArray[np.datetime64]
    point_m: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Process:
    """The leaks and the hazard behind them.

    Attributes
    ----------
    leaks : Leaks
    years : list of int
        Years of the record and the one after.
    expected : list of array, shape (mains,)
        Expected leaks of each main, one array per year; 0 while not in service.
    """

    leaks: Leaks
    years: list[int]
    expected: list[npt.NDArray[np.float64]]


def simulate(rng: np.random.Generator, mains: Mains, soils: Soils, climate: Climate) -> Process:
    """Let the mains leak year by year, from a few (unrecorded) years before the record."""
    lasting = _lasting_factors(rng, mains, soils)
    stratum, rates = _strata(mains)
    record = range(FIRST_RECORD_YEAR, LAST_RECORD_YEAR + 1)
    in_record = np.array([mains.length_m @ mains.in_service(year) for year in record])
    weather = month_weights(climate, in_record)
    seasons = dict(zip(record, weather, strict=True))
    middles = shapely.STRtree(shapely.points(mains.middle_m))
    phases = rng.random(len(rates))
    history: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]] = []
    found: list[Leaks] = []
    expected: list[npt.NDArray[np.float64]] = []
    for year in range(FIRST_RECORD_YEAR - HISTORY_YEARS, LAST_RECORD_YEAR + 2):
        excited, group = _excitation(mains, middles, history[-HISTORY_YEARS:])
        hazard = _normalise(mains, lasting * excited, stratum, rates, year)
        if year >= FIRST_RECORD_YEAR:
            expected.append(hazard)
        if year > LAST_RECORD_YEAR:
            break
        season = seasons.get(year, weather.mean(axis=0))
        counts = _draw(rng, hazard * season.sum(), stratum, group, phases)
        main = np.repeat(np.arange(len(counts)), counts)
        points = _points(rng, mains, main)
        history.append((main, points))
        if year in seasons:
            found.append(_dated(rng, mains, main, points, season, year))
    return Process(_in_order(found), [*record, LAST_RECORD_YEAR + 1], expected)


def _lasting_factors(
    rng: np.random.Generator, mains: Mains, soils: Soils
) -> npt.NDArray[np.float64]:
    """Factors that do not change with the year, shape (mains,), up to a constant by stratum."""
    unit = soils.under(mains.middle_m)
    resistivity = soils.resistivity_ohm_cm[unit]
    swell = np.array([_SHRINK_SWELL[name] for name in soils.shrink_swell])[unit]
    factor = (mains.diameter_mm / 150.0) ** -0.45
    factor *= (1_470.0 / resistivity) ** _SOIL_EXPONENT[mains.material]
    factor *= np.where(np.isin(mains.material, _BRITTLE), swell, 1.0)
    factor *= np.array([1.0, 1.05, 1.15])[mains.road_class]
    factor *= np.where(mains.joint == LEADITE, 1.35, 1.0)
    field = smooth_field(rng, mains.middle_m, _SPATIAL_RANGE_M)
    factor *= np.exp(_SPATIAL_SIGMA * field)
    return np.asarray(factor * mains.frailty)


def _exposed(mains: Mains, lasting: npt.NDArray[np.float64], year: int) -> npt.NDArray[np.float64]:
    """Hazard of a year up to a constant by stratum: length, service, age and lasting factors."""
    age = (year + 0.5 - mains.install_year).clip(1.0)
    return np.asarray(lasting * mains.length_m * mains.in_service(year) * (age / 50.0) ** 0.7)


def _strata(
    mains: Mains,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Stratum (material x installed before 1931) of each main and the rate that meets the targets.

    Returns
    -------
    stratum : array, shape (mains,)
    rates : array, shape (strata,)
        Leaks per meter and year over the record. Cast iron and steel get their share of the leaks,
        PVC its rate, the other materials what is left, in fixed proportions.
    """
    old = mains.install_year < PRE_WAR_YEAR
    stratum = 2 * mains.material + old
    exposure = np.zeros(2 * len(MATERIALS))
    for year in range(FIRST_RECORD_YEAR, LAST_RECORD_YEAR + 1):
        exposure += np.bincount(
            stratum, mains.length_m * mains.in_service(year), minlength=len(exposure)
        )
    share = np.zeros(len(exposure))
    old_share = PROTOCOL_TARGETS["share_installed_before_1931"]
    share[2 * STEEL + 1] = _OLD_STEEL_LEAK_SHARE
    share[2 * STEEL] = PROTOCOL_TARGETS["share_on_steel"] - _OLD_STEEL_LEAK_SHARE
    share[2 * CI + 1] = old_share - _OLD_STEEL_LEAK_SHARE
    share[2 * CI] = PROTOCOL_TARGETS["share_on_cast_iron"] - share[2 * CI + 1]
    share[2 * PVC] = PROTOCOL_TARGETS["pvc_rate_over_all"] * exposure[2 * PVC] / exposure.sum()
    left = {
        2 * material: exposure[2 * material] * rate for material, rate in _RELATIVE_RATE.items()
    }
    for index, part in left.items():
        share[index] = (1 - share[[0, 1, 2, 3, 2 * PVC]].sum()) * part / sum(left.values())
    leaks = exposure.sum() * PROTOCOL_TARGETS["leaks_per_100_miles_year"] / (100 * METRES_PER_MILE)
    rates = np.divide(share * leaks, exposure, out=np.zeros_like(share), where=exposure > 0)
    return stratum, rates


def _normalise(
    mains: Mains,
    lasting: npt.NDArray[np.float64],
    stratum: npt.NDArray[np.int64],
    rates: npt.NDArray[np.float64],
    year: int,
) -> npt.NDArray[np.float64]:
    """Scale the factors of a year to expected leaks, so that each stratum leaks at its rate."""
    factors = _exposed(mains, lasting, year)
    length = np.bincount(stratum, mains.length_m * mains.in_service(year), len(rates))
    total = np.bincount(stratum, factors, len(rates))
    scale = np.divide(rates * length, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(factors * scale[stratum])


def _excitation(
    mains: Mains,
    middles: shapely.STRtree,
    history: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Factor of the leaks of the last years on each main, and which of four groups it is in."""
    leaked = np.zeros(int(mains.installation.max()) + 1, dtype=bool)
    near = np.zeros(len(mains.length_m), dtype=bool)
    for main, points in history:
        leaked[mains.installation[main]] = True
        near[middles.query(shapely.points(points), predicate="dwithin", distance=NEAR_M)[1]] = True
    same = leaked[mains.installation]
    factor = np.where(same, _EXCITED_INSTALLATION, 1.0) * np.where(near, _EXCITED_NEAR, 1.0)
    return factor, same + 2 * near.astype(np.int64)


def _draw(
    rng: np.random.Generator,
    expected: npt.NDArray[np.float64],
    stratum: npt.NDArray[np.int64],
    group: npt.NDArray[np.int64],
    phases: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """Leaks of each main in a year, shape (mains,); `phases` moves on, shape (strata,).

    One systematic sample per stratum that runs through all years, with the mains of a year ordered
    by group and otherwise at random: every main gets its expectation, and shares stay near theirs
    in a small network too.
    """
    at_risk = np.flatnonzero(expected > 0)
    order = at_risk[np.lexsort((rng.random(len(at_risk)), group[at_risk], stratum[at_risk]))]
    edges = np.searchsorted(stratum[order], np.arange(len(phases) + 1))
    counts = np.zeros(len(expected), dtype=np.int64)
    for index, (first, last) in enumerate(pairwise(edges)):
        members = order[first:last]
        counts[members], phases[index] = systematic_counts(expected[members], phases[index])
    return counts


def _points(
    rng: np.random.Generator, mains: Mains, main: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Where the mains leaked, as noted: anywhere along them, a few meters off, shape (leaks, 2)."""
    along = 2 * rng.random((len(main), 1)) - 1  # from -1 at the start over 0 at the bend
    middle = mains.middle_m[main]
    end = np.where(along < 0, mains.start_m[main], mains.end_m[main])
    noise = rng.normal(0, _LOCATION_NOISE_M / 2**0.5, middle.shape)
    return np.asarray(middle + np.abs(along) * (end - middle) + noise)


def _dated(
    rng: np.random.Generator,
    mains: Mains,
    main: npt.NDArray[np.int64],
    points: npt.NDArray[np.float64],
    season: npt.NDArray[np.float64],
    year: int,
) -> Leaks:
    """Spread a year's leaks over its months in proportion, then over the days of service."""
    n = len(main)
    position = (rng.permutation(n) + rng.random()) / max(n, 1)
    month = np.searchsorted(np.cumsum(season / season.sum())[:-1], position)
    first = np.datetime64(f"{year}-01", "M") + month
    begin, end = first.astype("datetime64[D]"), (first + 1).astype("datetime64[D]")
    draw = rng.random(n)
    day = begin + (draw * (end - begin).astype(np.int64)).astype(np.int64)
    # A main in service for part of the year leaks in that part.
    start = np.maximum(mains.installed[main], np.datetime64(f"{year}-01-01"))
    stop = np.fmin(mains.retired[main], np.datetime64(f"{year + 1}-01-01"))
    inside = start + (draw * (stop - start).astype(np.int64)).astype(np.int64)
    return Leaks(main, np.where((day >= start) & (day < stop), day, inside), points)


def _in_order(parts: list[Leaks]) -> Leaks:
    """One record of all years, by day."""
    day = np.concatenate([part.day for part in parts])
    order = np.argsort(day, kind="stable")
    return Leaks(
        main=np.concatenate([part.main for part in parts])[order],
        day=day[order],
        point_m=np.concatenate([part.point_m for part in parts])[order],
    )
