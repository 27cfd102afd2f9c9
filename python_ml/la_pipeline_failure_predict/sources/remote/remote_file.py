"""What every kind of service has in common: a file that is looked at, then fetched in pages."""

import csv
import hashlib
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

GEOMETRY = "geometry_wkt"
"""Column of the shapes in fetched tables, as the landing tables call it."""


class Changed(Exception):
    """The data changed while they were fetched, so that pages do not belong together."""


@dataclass(frozen=True)
class Plan:
    """What a file will hold, as the server tells before it is fetched.

    Attributes
    ----------
    url
        As it may be shown.
    version
        Another one means other data; pages of one version belong together.
    is_dated
        Whether the server says when the data changed, so that the same version is the same data.
    rows, size
        Of the file; None where the server does not say. `size` is in bytes, and may be estimated.
    head
        What the file begins with.
    """

    file_name: str
    url: str
    version: str
    is_dated: bool = False
    rows: int | None = None
    size: int | None = None
    licence: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    head: bytes = b""


@dataclass(frozen=True)
class Page:
    """A piece of a file; `position` is where the next one begins, as the service counts."""

    content: bytes
    rows: int
    position: int


class RemoteFile(ABC):
    """One file of a download."""

    @abstractmethod
    def look(self) -> Plan:
        """Return what there is to fetch.

        Raises
        ------
        UserError
            If there is nothing, or the server does not answer.
        """

    def sample_size(self) -> int | None:
        """Return about how many bytes a file that was looked at has, None where nobody knows."""
        return None

    @abstractmethod
    def pages(self, plan: Plan, position: int) -> Iterator[Page]:
        """Yield what the file holds after its head, from a position on.

        Raises
        ------
        Changed
            If the data changed since they were looked at.
        UserError
            If the server does not give what it promised.
        """

    def recheck(self, plan: Plan, path: Path) -> None:
        """Check that the data are those that were looked at, and a fetched file is what it must be.

        Raises
        ------
        Changed
            If they are not.
        UserError
            If the file cannot be what was promised.
        """
        if self.look().version != plan.version:
            raise Changed


def version_of(*parts: object) -> str:
    """Return a short name for what decides which data these are."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def csv_text(rows: Iterable[Sequence[object]], delimiter: str = ",") -> bytes:
    """Return rows as CSV."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", errors="replace")
