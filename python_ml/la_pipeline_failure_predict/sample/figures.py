"""Measure the protocol's figures from the files of a sample."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from la_pipeline_failure_predict.sample.mains import service_share
from la_pipeline_failure_predict.sample.places import to_metres
from la_pipeline_failure_predict.sample.targets import (
    FIRST_RECORD_YEAR,
    HISTORY_YEARS,
    LAST_RECORD_YEAR,
    METRES_PER_MILE,
    NEAR_M,
    PRE_WAR_YEAR,
    PROTOCOL_TARGETS,
)

_LINK_M = 30.0


class Figure(NamedTuple):
    """A figure of the protocol, what it should be, and what the files give."""

    name: str
    target: float
    actual: float

    @property
    def deviation(self) -> float:
        """Actual over target, less one."""
        return self.actual / self.target - 1


def compare_figures(directory: Path) -> list[Figure]:
    """Every figure of the protocol beside its target."""
    actual = protocol_figures(directory)
    return [Figure(name, target, actual[name]) for name, target in PROTOCOL_TARGETS.items()]


def protocol_figures(directory: Path) -> dict[str, float]:
    """Measure the figures of `targets.PROTOCOL_TARGETS` in the files of a sample.

    Leaks are rows of breaks.csv on mains that were not cancelled. A leak without a main belongs to
    the nearest main in service that day within 30 m. Shares by material and era are of the mains
    whose material and install year are known. A year's leaks are compared with the leaks of the
    three calendar years before it.
    """
    mains = _read_mains(directory / "pipes.csv")
    leaks = _link(_read_leaks(directory / "breaks.csv"), mains)
    on = mains.iloc[leaks["main"].to_numpy()]
    known = on["material"].notna().to_numpy()
    dated = on["year"].notna().to_numpy()
    month = leaks["broke_on"].dt.month
    meters = mains["length_m"] * mains["service"]
    rate = len(leaks) / meters.sum()
    years = LAST_RECORD_YEAR - FIRST_RECORD_YEAR + 1
    same, near = _repeats(leaks, on["installation_id"].to_numpy())
    figures = {
        "leaks_per_100_miles_year": rate / years * 100 * METRES_PER_MILE,
        "leaks_per_pipe_year": len(leaks) / mains["service"].sum() / years,
        "share_on_cast_iron": (on["material"][known] == "CI").mean(),
        "share_on_steel": (on["material"][known] == "STEEL").mean(),
        "share_in_january": (month == 1).mean(),
        "share_in_may": (month == 5).mean(),
        "share_in_december": (month == 12).mean(),
        "share_installed_before_1931": (on["year"][dated] < PRE_WAR_YEAR).mean(),
        "share_on_recently_leaking_installations": same,
        "share_near_recent_leaks": near,
        "cast_iron_rate_over_all": _rate(mains, meters, on, "CI") / rate,
        "pvc_rate_over_all": _rate(mains, meters, on, "PVC") / rate,
    }
    return {name: float(figure) for name, figure in figures.items()}


def _rate(mains: pd.DataFrame, meters: pd.Series, on: pd.DataFrame, material: str) -> float:
    """Leaks per meter in service of a material, over the whole record."""
    exposure = meters[mains["material"] == material].sum()
    return float((on["material"] == material).sum() / exposure)


def _read_mains(path: Path) -> pd.DataFrame:
    """Mains with install `year`, `service` (share of the record) and ends in meters."""
    ends = ["start_longitude", "start_latitude", "end_longitude", "end_latitude"]
    columns = ["pipe_id", "installation_id", "material", "length_m", "installed_on", "install_year"]
    mains = pd.read_csv(path, usecols=[*columns, "decommissioned_on", *ends], low_memory=False)
    installed = pd.to_datetime(mains["installed_on"]).astype("datetime64[s]")
    retired = pd.to_datetime(mains["decommissioned_on"]).astype("datetime64[s]")
    mains["year"] = installed.dt.year.fillna(mains["install_year"])
    first_of_year = pd.to_datetime(mains["year"].fillna(1900).astype(int).astype(str) + "-01-01")
    mains["begin"] = installed.fillna(first_of_year).astype("datetime64[s]")
    mains["end"] = retired
    mains["service"] = service_share(
        mains["begin"].to_numpy().astype("datetime64[D]"),
        retired.to_numpy().astype("datetime64[D]"),
        FIRST_RECORD_YEAR,
        LAST_RECORD_YEAR,
    )
    mains["x0"], mains["y0"] = to_metres(mains["start_longitude"], mains["start_latitude"])
    mains["x1"], mains["y1"] = to_metres(mains["end_longitude"], mains["end_latitude"])
    return mains


def _read_leaks(path: Path) -> pd.DataFrame:
    """Leaks of mains that were not cancelled, located in meters."""
    columns = ["pipe_id", "broke_on", "asset_type", "status", "longitude", "latitude"]
    breaks = pd.read_csv(path, usecols=columns, parse_dates=["broke_on"])
    leaks = breaks[(breaks["asset_type"] == "MAIN") & (breaks["status"] != "CANCELLED")].copy()
    located = leaks["longitude"].notna()
    leaks["x"], leaks["y"] = np.nan, np.nan
    leaks.loc[located, "x"], leaks.loc[located, "y"] = to_metres(
        leaks.loc[located, "longitude"], leaks.loc[located, "latitude"]
    )
    return leaks.reset_index(drop=True)


def _link(leaks: pd.DataFrame, mains: pd.DataFrame) -> pd.DataFrame:
    """Add the position of each leak's `main`, and a place (its middle) where the leak has none."""
    position = pd.Series(np.arange(len(mains)), index=mains["pipe_id"])
    main = leaks["pipe_id"].map(position)
    lost = np.flatnonzero(main.isna())
    if len(lost):
        found = _nearest(leaks.iloc[lost], mains)
        main.iloc[lost] = found
    leaks = leaks.assign(main=main)[main.notna()]
    leaks["main"] = leaks["main"].astype(np.int64)
    on = mains.iloc[leaks["main"].to_numpy()]
    leaks["x"] = leaks["x"].fillna(pd.Series((on["x0"] + on["x1"]).to_numpy() / 2, leaks.index))
    leaks["y"] = leaks["y"].fillna(pd.Series((on["y0"] + on["y1"]).to_numpy() / 2, leaks.index))
    return leaks


def _nearest(leaks: pd.DataFrame, mains: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Position of the nearest main in service that day, NaN beyond 30 m, shape (leaks,)."""
    ends = mains[["x0", "y0", "x1", "y1"]].to_numpy().reshape(-1, 2, 2)
    lines = shapely.linestrings(ends)
    points = shapely.points(leaks[["x", "y"]].to_numpy())
    leak, main = shapely.STRtree(lines).query(points, predicate="dwithin", distance=_LINK_M)
    day = leaks["broke_on"].to_numpy()[leak]
    begin, end = mains["begin"].to_numpy()[main], mains["end"].to_numpy()[main]
    there = (begin <= day) & (np.isnat(end) | (day < end))
    leak, main = leak[there], main[there]
    distance = shapely.distance(points[leak], lines[main])
    order = np.lexsort((main, -distance))  # the nearest is written last
    nearest = np.full(len(leaks), np.nan)
    nearest[leak[order]] = main[order]
    return nearest


def _repeats(leaks: pd.DataFrame, installation: npt.NDArray[np.object_]) -> tuple[float, float]:
    """Share of leaks on installations, and within 100 m, of leaks of the three years before."""
    year = leaks["broke_on"].dt.year.to_numpy()
    points = shapely.points(leaks[["x", "y"]].to_numpy())
    same = near = total = 0
    for current in range(FIRST_RECORD_YEAR + HISTORY_YEARS, LAST_RECORD_YEAR + 1):
        now = year == current
        before = (year >= current - HISTORY_YEARS) & (year < current)
        same += int(np.isin(installation[now], installation[before]).sum())
        pairs = shapely.STRtree(points[before]).query(
            points[now], predicate="dwithin", distance=NEAR_M
        )
        near += len(np.unique(pairs[0]))
        total += int(now.sum())
    return same / total, near / total
