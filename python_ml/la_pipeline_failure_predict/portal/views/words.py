"""How figures are written on the pages."""

from collections.abc import Callable, Mapping

MILES_PER_KM = 0.621371192
MILLION = 1e6
NOTHING = "–"


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


def percent(value: float | None, places: int = 1) -> str:
    """Write a share."""
    return NOTHING if value is None else f"{value * 100:.{places}f} %"


def distance(meters: float | None) -> str:
    """Write the length of a network in both units."""
    if meters is None:
        return NOTHING
    km = meters / 1000
    return f"{km * MILES_PER_KM:,.1f} mi ({km:,.1f} km)"


def length(meters: float | None) -> str:
    """Write the length of a main in both units."""
    return NOTHING if meters is None else f"{meters / 0.3048:,.0f} ft ({meters:,.0f} m)"


def diameter(millimeters: float | None) -> str:
    """Write a diameter in both units."""
    return NOTHING if millimeters is None else f"{millimeters / 25.4:.0f} in ({millimeters:.0f} mm)"


def per_100_miles(breaks_per_km: float | None) -> str:
    """Write a rate for 100 miles."""
    return decimal(None if breaks_per_km is None else breaks_per_km / MILES_PER_KM * 100, 1)


def per_100_km(breaks_per_km: float | None) -> str:
    """Write a rate for 100 kilometers."""
    return decimal(None if breaks_per_km is None else breaks_per_km * 100, 1)


FILTERS: Mapping[str, Callable[..., str]] = {
    "whole": whole,
    "decimal": decimal,
    "usd": usd,
    "percent": percent,
    "distance": distance,
    "length_text": length,
    "diameter": diameter,
    "per_100_miles": per_100_miles,
    "per_100_km": per_100_km,
}
