"""Pages of a list that is too long for one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Paging:
    """Which page of a list is shown.

    Attributes
    ----------
    number, last
        Of the page and of the last one, from 1.
    total
        Rows on all pages.
    offset
        Rows before the page.
    """

    number: int
    last: int
    total: int
    offset: int


def find_page(wanted: int, total: int, rows: int) -> Paging:
    """Return the page that is wanted; a number beyond the last one gives the last one.

    Parameters
    ----------
    rows
        Of a page.
    """
    last = max(1, -(-total // rows))
    number = min(max(wanted, 1), last)
    return Paging(number, last, total, (number - 1) * rows)
