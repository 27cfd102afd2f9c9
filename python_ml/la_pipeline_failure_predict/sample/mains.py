"""What lies in the streets: who laid which main when, of what, and until when."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from la_pipeline_failure_predict.sample.fields import allot
from la_pipeline_failure_predict.sample.network import Network, lay_streets
from la_pipeline_failure_predict.sample.places import PLACES
from la_pipeline_failure_predict.sample.targets import (
    FIRST_RECORD_YEAR,
    LAST_RECORD_YEAR,
    PROTOCOL_TARGETS,
    REPLACED_SHARE,
)

MATERIALS: Final = ("CI", "STEEL", "DI", "AC", "PVC", "COPPER")
CI, STEEL, DI, AC, PVC, COPPER = range(6)

JOINTS: Final = ("LEAD", "LEADITE", "WELDED", "RUBBER", "COUPLING", "SOLDERED")
LEADITE: Final = 1

_OLDEST_REPLACED_BEFORE: Final = 1955.0
_MEAN_RUN: Final = 5.2
"""Mains laid as one installation, before streets cut them short."""

_FRAILTY_SHAPE: Final = 20.0
"""Gamma shape of an installation's frailty (mean 1): workmanship and bedding of one project."""

# Length laid before a year, as a share of what was never a replacement. 15 % is older than 1931.
_LAID: Final = (
    (0.0, 1889.0), (0.03, 1908.0), (0.08, 1921.0), (0.15, 1931.0), (0.27, 1946.0), (0.52, 1961.0),
    (0.74, 1981.0), (0.90, 2001.0), (0.96, 2005.0), (1.0, 2024.9),
)  # fmt: skip

_ERAS: Final = (1931.0, 1946.0, 1961.0, 1981.0, 2001.0)
_CI_SOLVED_ERA: Final = 2
# Share of an era's length by material, columns as MATERIALS; cast iron of 1946-60 is solved for.
_MATERIAL_SHARES: Final = np.array(
    [
        [0.93, 0.07, 0.00, 0.00, 0.00, 0.00],
        [0.82, 0.18, 0.00, 0.00, 0.00, 0.00],
        [0.00, 0.37, 0.10, 0.53, 0.00, 0.00],
        [0.00, 0.13, 0.55, 0.28, 0.02, 0.02],
        [0.00, 0.05, 0.65, 0.00, 0.28, 0.02],
        [0.00, 0.03, 0.60, 0.00, 0.36, 0.01],
    ]
)

_DIAMETERS_MM: Final = np.array([100, 150, 200, 250, 300, 400, 500, 600, 900])
_DIAMETER_SHARES: Final = np.array(  # by road class
    [
        [0.10, 0.42, 0.34, 0.04, 0.08, 0.02, 0.00, 0.00, 0.00],
        [0.03, 0.22, 0.38, 0.07, 0.22, 0.06, 0.02, 0.00, 0.00],
        [0.00, 0.06, 0.24, 0.08, 0.30, 0.14, 0.08, 0.06, 0.04],
    ]
)
_COPPER_MM: Final = 50


@dataclass(frozen=True)
class Mains:
    """Every main that was ever in the ground, n of them, in `installations` projects.

    Attributes
    ----------
    start_m, middle_m, end_m : array, shape (n, 2)
        Ends and a bend about halfway, UTM meters.
    length_m : array, shape (n,)
        Meters.
    place, street, road_class : array, shape (n,)
        Indexes into `places.PLACES`, `street_name` and `network.ROAD_CLASSES`.
    installation : array, shape (n,)
        Project that laid the main, from 0.
    installed, retired : array, shape (n,)
        First day in service and first day out of it (`datetime64[D]`, NaT while in service).
    material, joint : array, shape (n,)
        Indexes into `MATERIALS` and `JOINTS`.
    diameter_mm, critical_customers : array, shape (n,)
        Nominal diameter; hospitals, schools and the like served.
    frailty : array, shape (n,)
        Hidden factor of the installation on the hazard, mean 1.
    street_name : array, shape (streets,)
    covered : list of int
        Places with mains.
    """

    start_m: npt.NDArray[np.float64]
    middle_m: npt.NDArray[np.float64]
    end_m: npt.NDArray[np.float64]
    length_m: npt.NDArray[np.float64]
    place: npt.NDArray[np.int64]
    street: npt.NDArray[np.int64]
    road_class: npt.NDArray[np.int64]
    installation: npt.NDArray[np.int64]
    installed: npt.NDArray[np.datetime64]
    retired: npt.NDArray[np.datetime64]
    material: npt.NDArray[np.int64]
    joint: npt.NDArray[np.int64]
    diameter_mm: npt.NDArray[np.int64]
    critical_customers: npt.NDArray[np.int64]
    frailty: npt.NDArray[np.float64]
    street_name: npt.NDArray[np.str_]
    covered: list[int]

    @property
    def install_year(self) -> npt.NDArray[np.int64]:
        """Calendar year of installation, shape (n,)."""
        return self.installed.astype("datetime64[Y]").astype(np.int64) + 1970

    def in_service(self, year: int) -> npt.NDArray[np.float64]:
        """Share of a calendar year each main is in service, shape (n,)."""
        return service_share(self.installed, self.retired, year, year)


def service_share(
    installed: npt.NDArray[np.datetime64],
    retired: npt.NDArray[np.datetime64],
    first_year: int,
    last_year: int,
) -> npt.NDArray[np.float64]:
    """Share of the days from 1 January of the first to 31 December of the last year in service."""
    start, end = np.datetime64(f"{first_year}-01-01"), np.datetime64(f"{last_year + 1}-01-01")
    out = np.where(np.isnat(retired), end, np.minimum(retired, end))
    days = (out - np.maximum(installed, start)).astype(np.int64).clip(0)
    return np.asarray(days / (end - start).astype(np.int64))


def lay_mains(rng: np.random.Generator, pipes: int) -> Mains:
    """Lay `pipes` mains, of which a few replaced others in the same trench during the record."""
    replacements = round(pipes * REPLACED_SHARE)
    network = lay_streets(rng, pipes - replacements)
    run = _runs(rng, network)
    year_laid = _install_years(rng, network, run)
    frailty = rng.gamma(_FRAILTY_SHAPE, 1 / _FRAILTY_SHAPE, len(year_laid))
    old = _choose_replaced(rng, run, year_laid, frailty, replacements)
    trench = np.r_[np.arange(len(run)), old]
    # Runs of replaced mains become installations of their own, done one after the other.
    _, new_run = np.unique(run[old], return_inverse=True)
    installation = np.r_[run, new_run + len(year_laid)]
    replaced_on = _replacement_days(rng, int(new_run.max(initial=-1)) + 1)
    laid_on = np.r_[_days(year_laid), replaced_on]
    frailty = np.r_[frailty, rng.gamma(_FRAILTY_SHAPE, 1 / _FRAILTY_SHAPE, len(replaced_on))]
    retired = np.full(pipes, np.datetime64("NaT"), dtype="datetime64[D]")
    retired[old] = replaced_on[new_run]
    length = network.length_m[trench]
    installed = laid_on[installation]
    road_class = network.road_class[network.street[trench]]
    exposure = length * service_share(installed, retired, FIRST_RECORD_YEAR, LAST_RECORD_YEAR)
    weight = np.bincount(installation, exposure, len(laid_on)).astype(np.float64)
    material = _materials(rng, laid_on, weight)
    first = np.unique(installation, return_index=True)[1]
    street, is_hilly = network.street[trench[first]], network.is_hilly[trench[first]]
    diameter = _diameters(rng, road_class[first], street, is_hilly, material)
    joint = _joints(rng, laid_on, material)
    return Mains(
        start_m=network.start_m[trench],
        middle_m=network.middle_m[trench],
        end_m=network.end_m[trench],
        length_m=length,
        place=network.place[trench],
        street=network.street[trench],
        road_class=road_class,
        installation=installation,
        installed=installed,
        retired=retired,
        material=material[installation],
        joint=joint[installation],
        diameter_mm=diameter[installation],
        critical_customers=rng.poisson(np.array([0.02, 0.04, 0.10])[road_class]),
        frailty=frailty[installation],
        street_name=network.street_name,
        covered=network.covered,
    )


def _runs(rng: np.random.Generator, network: Network) -> npt.NDArray[np.int64]:
    """Cut streets into installations of geometric length, shape (segments,)."""
    starts = rng.random(len(network.street)) < 1 / _MEAN_RUN
    starts[np.r_[True, np.diff(network.street) != 0]] = True
    return np.cumsum(starts) - 1


def _install_years(
    rng: np.random.Generator, network: Network, run: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Year (with fraction) each installation was laid, shape (installations,).

    A score orders the installations: the neighborhood's wave, its street's, the project's own,
    and some that were renewed long ago. Its rank by length gives the year, so the city's age
    profile holds whatever the neighborhoods covered.
    """
    first = np.unique(run, return_index=True)[1]
    _, block = np.unique(network.street * len(PLACES) + network.place, return_inverse=True)
    developed = np.array([place.developed for place in PLACES], dtype=np.float64)
    score = developed[network.place[first]]
    score = score + rng.normal(0, 9.0, int(block.max()) + 1)[block[first]]
    score += rng.normal(0, 5.0, len(first))
    renewed = rng.random(len(first)) < 0.28
    score += renewed * rng.uniform(10.0, 75.0, len(first))
    length = np.bincount(run, network.length_m)
    order = np.argsort(score, kind="stable")
    reached = np.cumsum(length[order])
    middle = np.empty(len(first))
    middle[order] = (reached - length[order] / 2) / reached[-1]
    shares, years = np.array(_LAID).T
    return np.interp(middle, shares, years)


def _choose_replaced(
    rng: np.random.Generator,
    run: npt.NDArray[np.int64],
    year_laid: npt.NDArray[np.float64],
    frailty: npt.NDArray[np.float64],
    count: int,
) -> npt.NDArray[np.int64]:
    """Segments replaced during the record: runs of old, rather frail mains, shape (count,)."""
    weight = np.where(year_laid < _OLDEST_REPLACED_BEFORE, frailty**0.7, 1e-12)
    turn = np.argsort(np.argsort(rng.exponential(size=len(weight)) / weight, kind="stable"))
    by_turn = np.argsort(turn[run], kind="stable")
    return np.sort(by_turn[:count])


def _replacement_days(rng: np.random.Generator, projects: int) -> npt.NDArray[np.datetime64]:
    """Day each replacement goes into service, spread over the record, shape (projects,)."""
    span = LAST_RECORD_YEAR - FIRST_RECORD_YEAR + 0.6
    position = (rng.permutation(projects) + rng.random(projects)) / max(projects, 1)
    return _days(FIRST_RECORD_YEAR + 0.2 + span * position)


def _days(years: npt.NDArray[np.float64]) -> npt.NDArray[np.datetime64]:
    """Day of a year with fraction."""
    whole = np.floor(years)
    first = (whole.astype(np.int64) - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    return np.asarray(first + ((years - whole) * 365).astype(np.int64))


def _materials(
    rng: np.random.Generator,
    laid_on: npt.NDArray[np.datetime64],
    weight: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """Material of each installation, so that cast iron has its part of the length in service.

    The part follows from the targets: share of leaks over relative rate.
    """
    year = laid_on.astype("datetime64[Y]").astype(np.int64) + 1970
    era = np.digitize(year, _ERAS)
    by_era = np.bincount(era, weight, len(_ERAS) + 1)
    wanted = PROTOCOL_TARGETS["share_on_cast_iron"] / PROTOCOL_TARGETS["cast_iron_rate_over_all"]
    missing = wanted * weight.sum() - _MATERIAL_SHARES[:, CI] @ by_era
    share = float(np.clip(missing / max(by_era[_CI_SOLVED_ERA], 1e-9), 0.0, 0.9))
    shares = _MATERIAL_SHARES.copy()
    shares[_CI_SOLVED_ERA] *= 1 - share
    shares[_CI_SOLVED_ERA, CI] = share
    material = np.empty(len(weight), dtype=np.int64)
    for index in range(len(shares)):
        members = np.flatnonzero(era == index)
        material[members] = allot(rng, weight[members], shares[index])
    return material


def _diameters(
    rng: np.random.Generator,
    road_class: npt.NDArray[np.int64],
    street: npt.NDArray[np.int64],
    is_hilly: npt.NDArray[np.bool_],
    material: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Diameter of each installation, mm, much alike along a street.

    Mains are larger under larger roads and one size larger in the hills; copper is small, steel
    large.
    """
    limits = np.cumsum(_DIAMETER_SHARES, axis=1)[road_class]
    score = rng.normal(0, 1.0, int(street.max()) + 1)[street] + rng.normal(0, 0.4, len(street))
    draw = np.empty(len(score))
    for index in range(len(_DIAMETER_SHARES)):  # ranks, so that each class has its shares
        members = np.flatnonzero(road_class == index)
        draw[members[np.argsort(score[members])]] = (np.arange(len(members)) + 0.5) / len(members)
    draw = np.where(material == STEEL, draw**0.6, draw)
    size = (draw[:, None] >= limits[:, :-1]).sum(axis=1) + is_hilly
    return np.where(material == COPPER, _COPPER_MM, _DIAMETERS_MM[size.clip(max=len(limits.T) - 1)])


def _joints(
    rng: np.random.Generator,
    laid_on: npt.NDArray[np.datetime64],
    material: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Joint of each installation; leadite was poured instead of lead in the 1920s to 1940s."""
    year = laid_on.astype("datetime64[Y]").astype(np.int64) + 1970
    joint = np.array([0, 2, 3, 4, 3, 5])[material]
    leadite = (material == CI) & (year >= 1920) & (year < 1945) & (rng.random(len(year)) < 0.5)
    return np.where(leadite, LEADITE, joint)
