"""Monthly weather of one station, and what cooling does to the month of a leak."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from la_pipeline_failure_predict.sample.targets import (
    FIRST_RECORD_YEAR,
    HISTORY_YEARS,
    LAST_RECORD_YEAR,
    MONTH_SHARES,
)

STATION_ID: Final = "USW00093134"
"""Downtown Los Angeles (University of Southern California)."""

FIRST_CLIMATE_YEAR: Final = FIRST_RECORD_YEAR - HISTORY_YEARS
_YEARS: Final = LAST_RECORD_YEAR - FIRST_CLIMATE_YEAR + 1
# Normals 1991-2020 of the station (NOAA), rounded.
_MAXIMUM_C: Final = (20.0, 20.0, 21.1, 22.4, 23.2, 25.1, 27.8, 28.9, 28.3, 25.9, 22.7, 19.7)
_MINIMUM_C: Final = (9.6, 10.4, 11.4, 12.7, 14.8, 16.4, 18.4, 18.8, 18.1, 15.8, 12.2, 9.3)
_RAIN_MM: Final = (83.6, 92.5, 56.6, 17.5, 8.1, 2.3, 0.5, 0.1, 3.3, 14.7, 19.8, 63.0)
_WETTEST_MM: Final = 400.0
_EFFECT_PER_DEGREE: Final = 0.08
"""Rise of the log hazard per degree that a month cools more than usual against the month before."""


@dataclass(frozen=True)
class Climate:
    """Months from January of `FIRST_CLIMATE_YEAR`; arrays of shape (years, 12)."""

    mean_c: npt.NDArray[np.float64]
    minimum_c: npt.NDArray[np.float64]
    maximum_c: npt.NDArray[np.float64]
    rain_mm: npt.NDArray[np.float64]

    @property
    def month_on(self) -> npt.NDArray[np.datetime64]:
        """First days of the months, shape (years * 12,)."""
        first = np.datetime64(f"{FIRST_CLIMATE_YEAR}-01", "M")
        return (first + np.arange(self.mean_c.size)).astype("datetime64[D]")


def make_climate(rng: np.random.Generator) -> Climate:
    """Seasons of Los Angeles with warm and cool months that last, and wet and dry years."""
    noise = rng.normal(0, 1, _YEARS * 12)
    anomaly = np.zeros(_YEARS * 12)
    for month in range(1, len(anomaly)):
        anomaly[month] = 0.45 * anomaly[month - 1] + noise[month] * 1.05
    anomaly = anomaly.reshape(_YEARS, 12) + rng.normal(0, 0.35, (_YEARS, 1))
    spread = rng.normal(0, 0.4, (_YEARS, 12))
    minimum = np.array(_MINIMUM_C) + anomaly - spread
    maximum = np.array(_MAXIMUM_C) + anomaly + spread
    wetness = rng.gamma(5.0, 1 / 5.0, (_YEARS, 1))
    rain = np.array(_RAIN_MM) * wetness * rng.gamma(1.5, 1 / 1.5, (_YEARS, 12))
    return Climate(
        mean_c=((minimum + maximum) / 2).round(1),
        minimum_c=minimum.round(1),
        maximum_c=maximum.round(1),
        rain_mm=rain.clip(max=_WETTEST_MM).round(1),
    )


def month_weights(
    climate: Climate, year_weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Spread an average year's leaks over the months of the record by season and cooling.

    Parameters
    ----------
    climate : Climate
    year_weights : array, shape (record years,)
        Length of main in service.

    Returns
    -------
    array, shape (record years, 12)
        Rows add up to the year's weather factor. Weighted by length, the mean over the years of
        each month is exactly `targets.MONTH_SHARES`, so weather moves leaks without changing the
        long-run season or rate.
    """
    mean = climate.mean_c.ravel()
    cooling = np.r_[0.0, mean[:-1] - mean[1:]].reshape(climate.mean_c.shape)
    cooling = cooling[FIRST_RECORD_YEAR - FIRST_CLIMATE_YEAR :]
    factor = np.exp(_EFFECT_PER_DEGREE * (cooling - cooling.mean(axis=0)))
    factor /= np.average(factor, axis=0, weights=year_weights)
    return np.asarray(factor * np.array(MONTH_SHARES))
