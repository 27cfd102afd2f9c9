"""Follow delivered names and unpack delivered archives without trusting them."""

import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from la_pipeline_failure_predict.errors import UserError

MAX_UNPACKED_BYTES = 20_000_000_000
MAX_RATIO = 200
"""No honest archive of tables or shapes shrinks that much; one that does is a bomb."""
SMALL_BYTES = 100_000_000
"""Below this the ratio does not matter."""


def file_inside(folder: Path, name: str, named_by: Path) -> Path:
    """Return the file of a name in a folder.

    Raises
    ------
    UserError
        If the name leads outside the folder.
    """
    if Path(name).is_absolute() or os.path.normpath(name).startswith(".."):
        raise UserError(
            f"{named_by} names {name!r}, which leads outside {folder}: put the file into that "
            "folder and name it from there."
        )
    return folder / name


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield a folder with the content of a zip, removed afterwards; a folder as it is.

    Raises
    ------
    UserError
        If the file is no zip, is damaged, unpacks to far too much, or names a file outside of its
        own folder.
    """
    if path.is_dir():
        yield path
        return
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path} is neither a folder nor a readable zip: fetch it again.")
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        _check(archive, path)
        try:
            archive.extractall(folder)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
            raise UserError(f"{path} is damaged ({error}): fetch it again.") from None
        yield Path(folder)


def _check(archive: zipfile.ZipFile, path: Path) -> None:
    items = archive.infolist()
    unpacked_bytes = sum(item.file_size for item in items)
    packed_bytes = max(sum(item.compress_size for item in items), 1)
    is_bomb = unpacked_bytes > SMALL_BYTES and unpacked_bytes > MAX_RATIO * packed_bytes
    if is_bomb or unpacked_bytes > MAX_UNPACKED_BYTES:
        raise UserError(
            f"{path} unpacks from {packed_bytes:,} to {unpacked_bytes:,} bytes: unpack it by hand "
            "and look at it before loading what is in it."
        )
    for item in items:
        place = PurePosixPath(item.filename.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts or ":" in item.filename:
            raise UserError(
                f"{path} holds {item.filename!r}, which would be written outside of its folder: "
                "do not use this archive; ask for it again."
            )
