"""How figures are written on the pages."""

import re
from collections.abc import Callable, Mapping

from flask import g

MILES_PER_KM = 0.621371192
MILLION = 1e6
NOTHING = "–"
UNITS: Mapping[str, str] = {
    "feet": "feet, miles and inches",
    "meters": "meters, kilometers and millimeters",
}
"""What an account may choose instead of both."""
METRIC = re.compile(r"\b(?P<numbers>\d+(?: to \d+)?) (?P<unit>mm|m)\b")


def whole(value: float | None) -> str:
    """Write a number without decimals."""
    return NOTHING if value is None else f"{value:,.0f}"


def decimal(value: float | None, places: int = 2) -> str:
    """Write a number with decimals."""
    return NOTHING if value is None else f"{value:,.{places}f}"


def usd(value: float | None) -> str:
    """Write an amount, millions shortened."""
    if value is None:
        return NOTHING
    return f"${value / MILLION:,.2f} M" if abs(value) >= MILLION else f"${value:,.0f}"


def usd_short(value: float) -> str:
    """Write an amount with as few digits as a mark of an axis needs."""
    for unit, name in ((1e9, " B"), (MILLION, " M"), (1e3, " k")):
        if abs(value) >= unit:
            return f"${value / unit:.3g}{name}"
    return f"${value:.3g}"


def percent(value: float | None, places: int = 1) -> str:
    """Write a share."""
    return NOTHING if value is None else f"{value * 100:.{places}f} %"


def distance(meters: float | None) -> str:
    """Write the length of a network."""
    if meters is None:
        return NOTHING
    km = meters / 1000
    return in_units(f"{km * MILES_PER_KM:,.1f} mi", f"{km:,.1f} km")


def length(meters: float | None) -> str:
    """Write the length of a main."""
    if meters is None:
        return NOTHING
    return in_units(f"{meters / 0.3048:,.0f} ft", f"{meters:,.0f} m")


def diameter(millimeters: float | None) -> str:
    """Write a diameter."""
    if millimeters is None:
        return NOTHING
    return in_units(f"{millimeters / 25.4:.0f} in", f"{millimeters:.0f} mm")


def per_100_miles(breaks_per_km: float | None) -> str:
    """Write a rate for 100 miles."""
    return decimal(None if breaks_per_km is None else breaks_per_km / MILES_PER_KM * 100, 1)


def per_100_km(breaks_per_km: float | None) -> str:
    """Write a rate for 100 kilometers."""
    return decimal(None if breaks_per_km is None else breaks_per_km * 100, 1)


def rate(breaks_per_km: float | None) -> str:
    """Write a rate for 100 miles and for 100 kilometers."""
    if breaks_per_km is None:
        return NOTHING
    return in_units(per_100_miles(breaks_per_km), per_100_km(breaks_per_km))


def in_units(feet: str, meters: str) -> str:
    """Return what the account has chosen to read, by default both."""
    return {"feet": feet, "meters": meters}.get(_chosen(), f"{feet} ({meters})")


def sentence(text: str | None) -> str:
    """Write words of the warehouse, which are metric, with feet for those who chose feet."""
    words = text or ""
    return METRIC.sub(_in_feet, words) if _chosen() == "feet" else words


def _in_feet(found: re.Match[str]) -> str:
    size, unit = (25.4, "in") if found["unit"] == "mm" else (0.3048, "ft")
    numbers = (float(number) / size for number in found["numbers"].split(" to "))
    return f"{' to '.join(f'{number:,.0f}' for number in numbers)} {unit}"


def _chosen() -> str:
    account = g.get("account") if g else None
    return (account.units if account else None) or ""


FILTERS: Mapping[str, Callable[..., str]] = {
    "whole": whole,
    "decimal": decimal,
    "usd": usd,
    "usd_short": usd_short,
    "percent": percent,
    "distance": distance,
    "length_text": length,
    "diameter": diameter,
    "per_100_miles": per_100_miles,
    "per_100_km": per_100_km,
    "rate": rate,
    "in_units": in_units,
    "sentence": sentence,
}
