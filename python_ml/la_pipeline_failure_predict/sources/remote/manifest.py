"""`manifest.json`: what a download holds, where it came from, and that it is whole."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from la_pipeline_failure_predict.files import sha256_of, write_whole

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class FetchedFile:
    """A file of a download; moments are ISO 8601, UTC."""

    name: str
    url: str
    fetched_at: str
    bytes: int
    sha256: str
    rows: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    version: str = ""


@dataclass(frozen=True)
class Manifest:
    """A download of a source."""

    source: str
    finished_at: str
    licence: str | None
    files: list[FetchedFile] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write it beside the files."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        write_whole(folder / MANIFEST, text + "\n")

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each file."""
        return {file.name: file.sha256 for file in self.files}


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of a folder, None where it has none that can be read."""
    try:
        content: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = [FetchedFile(**item) for item in content.pop("files")]
        return Manifest(**content, files=files)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def is_whole(folder: Path, manifest: Manifest) -> bool:
    """Return whether the files of a manifest are there, as they were fetched."""
    return all(
        (folder / file.name).is_file() and sha256_of(folder / file.name) == file.sha256
        for file in manifest.files
    )
