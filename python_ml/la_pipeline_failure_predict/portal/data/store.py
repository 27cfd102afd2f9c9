"""The folder of snapshots: one folder each, and a file that names the current one."""

import json
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.files import sha256_of, write_whole

FORMAT = 2
"""Of the tables and the manifest: a portal of another format does not read a snapshot."""
KEPT = 3
CURRENT = "current"
DATABASE = "portal.duckdb"
TILES = "tiles.sqlite"
MANIFEST = "manifest.json"
# To the microsecond: sorted by name, they are sorted by time.
SNAPSHOT_ID = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}")
# How a snapshot is called until it is whole, and what `write_whole` leaves if it is killed.
UNFINISHED = (".new-*", f".{CURRENT}.*")


@dataclass(frozen=True)
class Manifest:
    """What a snapshot holds.

    Attributes
    ----------
    fingerprint
        Of what it was made from: equal fingerprints, equal rows.
    published_at
        UTC, ISO 8601.
    as_of_date
        Day from which breaks are predicted, ISO 8601; None without scores.
    run_ids
        Published run of each grain, by its name; empty without scores.
    rows
        Rows of each table, by its name.
    sha256
        Of each file, by its name.
    versions
        Of la-pipes and DuckDB, which wrote it.
    """

    format: int
    snapshot_id: str
    fingerprint: str
    published_at: str
    as_of_date: str | None
    run_ids: Mapping[str, str]
    rows: Mapping[str, int]
    sha256: Mapping[str, str]
    versions: Mapping[str, str]

    def to_json(self) -> str:
        """Return it as a file has it."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Read it from the text of a file.

        Raises
        ------
        ValueError
            If it is of another format, or not whole.
        """
        content: dict[str, Any] = json.loads(text)
        if content.get("format") != FORMAT:
            raise ValueError(f"format {content.get('format')}, not {FORMAT}")
        try:
            return cls(**content)
        except TypeError as error:
            raise ValueError(str(error)) from error


@dataclass(frozen=True)
class Store:
    """The folder that holds the snapshots."""

    folder: Path

    def current_id(self) -> str | None:
        """Return the identifier of the current snapshot, None before the first one."""
        try:
            name = (self.folder / CURRENT).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        return name if SNAPSHOT_ID.fullmatch(name) else None

    def current(self) -> Manifest | None:
        """Return the manifest of the current snapshot; None if there is none that can be read."""
        snapshot_id = self.current_id()
        if snapshot_id is None or not self.database(snapshot_id).is_file():
            return None
        try:
            return self.manifest(snapshot_id)
        except (OSError, ValueError):
            return None

    def manifest(self, snapshot_id: str) -> Manifest:
        """Return the manifest of a snapshot.

        Raises
        ------
        OSError, ValueError
            If it cannot be read, or is of another format.
        """
        path = self.folder / snapshot_id / MANIFEST
        return Manifest.from_json(path.read_text(encoding="utf-8"))

    def database(self, snapshot_id: str) -> Path:
        """Return the path of the database of a snapshot."""
        return self.folder / snapshot_id / DATABASE

    def tiles(self, snapshot_id: str) -> Path:
        """Return the path of the tiles of a snapshot."""
        return self.folder / snapshot_id / TILES

    def is_whole(self, manifest: Manifest) -> bool:
        """Return whether all files of a snapshot are as they were written."""
        folder = self.folder / manifest.snapshot_id
        return all(
            (folder / name).is_file() and sha256_of(folder / name) == digest
            for name, digest in manifest.sha256.items()
        )

    def switch(self, snapshot_id: str) -> None:
        """Make a whole snapshot the current one, in one move."""
        write_whole(self.folder / CURRENT, snapshot_id + "\n")

    def snapshot_ids(self) -> list[str]:
        """Return the identifiers of all snapshots, the oldest first."""
        names = (path.name for path in self.folder.iterdir() if path.is_dir())
        return sorted(name for name in names if SNAPSHOT_ID.fullmatch(name))

    def remove_leftovers(self) -> None:
        """Remove what a publish that was killed has left."""
        for pattern in UNFINISHED:
            for path in self.folder.glob(pattern):
                _remove(path)

    def remove_old(self) -> None:
        """Remove all snapshots but the last three and the current one."""
        kept = {*self.snapshot_ids()[-KEPT:], self.current_id()}
        for snapshot_id in self.snapshot_ids():
            if snapshot_id not in kept:
                _remove(self.folder / snapshot_id)


def _remove(path: Path) -> None:
    # Windows refuses while a reader has it open: the next publish tries again.
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink(missing_ok=True)
