"""Tell places that cannot be where the network is: swapped, of another system, or far away."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from la_pipeline_failure_predict.tables import Table
from la_pipeline_failure_predict.warehouse import Scratch, Warehouse
from la_pipeline_failure_predict.warehouse.base import quote

COORDINATE_PAIRS = (
    ("longitude", "latitude"),
    ("start_longitude", "start_latitude"),
    ("end_longitude", "end_latitude"),
)
# A place is far if it is farther from the median, in degrees, than this and this many times the
# distance between the quartiles.
FAR_DEGREES = 0.25
FAR_SPREADS = 4.0
KM_IN_DEGREE = 111.2


@dataclass(frozen=True)
class Extent:
    """Where most of a network lies, degrees: the median, and how far from it a place may be."""

    x: float
    y: float
    reach_x: float
    reach_y: float

    @classmethod
    def of(cls, x: NDArray[np.float64], y: NDArray[np.float64]) -> "Extent | None":
        """Return the extent of places, None where there is none."""
        if not len(x):
            return None
        (west, mid_x, east), (south, mid_y, north) = (
            np.percentile(values, (25, 50, 75)) for values in (x, y)
        )
        return cls(
            mid_x,
            mid_y,
            FAR_DEGREES + FAR_SPREADS * (east - west),
            FAR_DEGREES + FAR_SPREADS * (north - south),
        )

    def holds(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return whether each place is near enough."""
        near: NDArray[np.bool_] = (np.abs(x - self.x) <= self.reach_x) & (
            np.abs(y - self.y) <= self.reach_y
        )
        return near


def network_extent(warehouse: Warehouse, table: Table) -> Extent | None:
    """Return where the loaded mains lie, to judge another table's places by; None for mains."""
    if table.name == "pipes":
        return None
    place = warehouse.full_name("pipes")
    rows = warehouse.query(
        f"select start_longitude as x, start_latitude as y from {place} "
        "where start_longitude is not null and start_latitude is not null"
    )
    return Extent.of(rows.column(0).to_numpy(), rows.column(1).to_numpy())


def drop_zero_places(scratch: Scratch, typed: str, table: Table) -> Iterator[str]:
    """Empty coordinates of (0, 0), which stand for no place; yield how many there were."""
    for x, y in _pairs(table):
        at_zero = f"{quote(x)} = 0 and {quote(y)} = 0"
        count = int(str(scratch.scalar(f"select count(*) from {typed} where {at_zero}")))
        if count:
            scratch.execute(
                f"update {typed} set {quote(x)} = null, {quote(y)} = null where {at_zero}"
            )
            yield f"{count:,} rows have {x} and {y} 0, which is taken for no place."


def odd_places(
    scratch: Scratch, table: Table, accepted: str, network: Extent | None
) -> Iterator[str]:
    """Yield what is wrong with places of accepted rows, with counts.

    Parameters
    ----------
    network
        Where the places should lie; None judges them by their own median.
    """
    for x_name, y_name in _pairs(table):
        rows = scratch.query(
            f"select _row_number, {quote(x_name)}, {quote(y_name)} from {accepted} "
            f"where {quote(x_name)} is not null and {quote(y_name)} is not null"
        )
        numbers, x, y = (rows.column(index).to_numpy() for index in range(3))
        extent = network or Extent.of(x, y)
        if extent is None:
            continue
        far = ~extent.holds(x, y)
        swapped = far & extent.holds(y, x)
        yield from _swapped(numbers[swapped], len(x), x_name, y_name)
        yield from _far(numbers[far & ~swapped], len(x), x_name, y_name, extent)


def _swapped(numbers: NDArray[np.int64], count: int, x: str, y: str) -> Iterator[str]:
    if not len(numbers):
        return
    fix = "fix them in the file"
    if 2 * len(numbers) > count:
        fix = "swap the two headers in the mapping"
    yield (
        f"{_of(numbers, count)} have {x} and {y} the other way round (the first is row "
        f"{numbers.min():,}): {fix}."
    )


def _far(numbers: NDArray[np.int64], count: int, x: str, y: str, extent: Extent) -> Iterator[str]:
    if not len(numbers):
        return
    fix = "fix them in the file"
    if 20 * len(numbers) > count:
        fix = "if they are in another system than longitude and latitude, name it as crs"
    reach = KM_IN_DEGREE * max(extent.reach_x * np.cos(np.radians(extent.y)), extent.reach_y)
    yield (
        f"{_of(numbers, count)} lie over {reach:,.0f} km from the middle of the network by {x} and "
        f"{y} (the first is row {numbers.min():,}): {fix}."
    )


def _of(numbers: NDArray[np.int64], count: int) -> str:
    return f"{len(numbers):,} of {count:,} places"


def _pairs(table: Table) -> Iterator[tuple[str, str]]:
    names = {column.name for column in table.delivered if column.sql_type == "double precision"}
    return (pair for pair in COORDINATE_PAIRS if names.issuperset(pair))
