"""The record and the figures the sample is built to reproduce, written once.

`hazard` and `mains` are normalized to these targets, `figures` measures them again from the
written files. Sources: leaks of the Los Angeles Department of Water and Power (city-wide rate,
materials, months, install eras, repeats) and, for the rates relative to all mains, Barfuss, "Water
Main Break Rates in the USA and Canada", Utah State University, 2023.
"""

from typing import Final

FIRST_RECORD_YEAR: Final = 2005
LAST_RECORD_YEAR: Final = 2024
HISTORY_YEARS: Final = 3
"""Years a leak is remembered, by the process and by the two figures about repeats."""

NEAR_M: Final = 100.0
"""Distance (m) within which two leaks are near each other."""

PRE_WAR_YEAR: Final = 1931
"""Mains installed before this year are the oldest era."""

METRES_PER_MILE: Final = 1609.344
MEAN_LENGTH_M: Final = 43.0
"""7,340 miles over 275,000 mains."""

FULL_SIZE: Final = 275_000
"""Number of mains at which the network fills the city."""

REPLACED_SHARE: Final = 0.06
"""Mains that replaced another in its trench during the record, as a share of all mains."""

MONTH_SHARES: Final = (
    0.148, 0.096, 0.076, 0.062, 0.052, 0.056, 0.064, 0.070, 0.072, 0.080, 0.101, 0.123,
)  # fmt: skip
"""Share of a year's leaks by month; January, May and December are measured, the rest assumed."""

PROTOCOL_TARGETS: Final[dict[str, float]] = {
    "leaks_per_100_miles_year": 16.8,
    "leaks_per_pipe_year": 0.0045,
    "share_on_cast_iron": 0.77,
    "share_on_steel": 0.14,
    "share_in_january": MONTH_SHARES[0],
    "share_in_may": MONTH_SHARES[4],
    "share_in_december": MONTH_SHARES[11],
    "share_installed_before_1931": 0.46,
    "share_on_recently_leaking_installations": 0.48,
    "share_near_recent_leaks": 0.43,
    "cast_iron_rate_over_all": 28.6 / 11.1,
    "pvc_rate_over_all": 2.9 / 11.1,
}
"""Figures over the whole record; the two about repeats leave out its first three years."""
