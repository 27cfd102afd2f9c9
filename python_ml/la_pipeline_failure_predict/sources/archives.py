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
SHAPEFILE_SUFFIXES = {".dbf", ".shx", ".prj", ".cpg"}
"""Of the files beside a .shp that are read with it."""


def file_inside(folder: Path, name: str, named_by: Path) -> Path:
    """Return the file of a name in a folder.

    Raises
    ------
    UserError
        If the name leads outside the folder, also by a link.
    """
    is_outside = Path(name).is_absolute() or os.path.normpath(name).startswith("..")
    if is_outside or not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"{named_by} names {name!r}, which leads outside {folder}: put the file into that "
            "folder and name it from there."
        )
    return folder / name


def delivered_files(path: Path) -> list[Path]:
    """Return the files that make up a delivery, in order: one, those of a shapefile or a folder's.

    Raises
    ------
    UserError
        If one is missing, or a link or a device: what lies elsewhere is no part of a delivery.
    """
    folder = path if path.is_dir() else path.parent
    if path.is_dir():
        files = sorted(item for item in path.rglob("*") if item.is_symlink() or not item.is_dir())
    elif path.suffix.lower() == ".shp":
        beside = (item for item in folder.iterdir() if item.stem == path.stem)
        files = [path, *sorted(i for i in beside if i.suffix.lower() in SHAPEFILE_SUFFIXES)]
    else:
        files = [path]
    for file in files:
        if file != path and not file.resolve().is_relative_to(folder.resolve()):
            raise UserError(
                f"{file} is a link that leads outside {folder}: put the file itself in its place."
            )
        if not file.exists():
            raise UserError(f"No file {file}: check the path.")
        if not file.is_file():
            raise UserError(f"{file} is not an ordinary file: remove it, or put one in its place.")
    return files


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
        check_archive(archive, path)
        try:
            archive.extractall(folder)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
            raise UserError(f"{path} is damaged ({error}): fetch it again.") from None
        yield Path(folder)


def check_archive(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse a zip that unpacks to far too much, or outside of its folder.

    Raises
    ------
    UserError
        If it does.
    """
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
