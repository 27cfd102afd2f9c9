"""Read and write whole files: a reader sees the old one or the new one, never half of it."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from la_pipeline_failure_predict.errors import UserError

MOST_CHARACTERS = 5_000_000
"""Of a file that people write by hand."""


def read_text(path: Path, what: str) -> str:
    """Return the text of a file that people write.

    Parameters
    ----------
    what
        What it is, to begin a sentence with.

    Raises
    ------
    UserError
        If it is no ordinary file, cannot be read, is far too large or is not UTF-8 text.
    FileNotFoundError
        If there is none, which is the caller's to explain.
    """
    if path.exists() and not path.is_file():
        raise UserError(f"{what} {path} is not an ordinary file: put one in its place.")
    if path.exists() and path.stat().st_size > MOST_CHARACTERS:
        raise UserError(f"{what} {path} is far too large: name another file.")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{what} {path} is not UTF-8 text: save it as UTF-8.") from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UserError(
            f"{what} {path} cannot be read ({error.strerror}): check its permissions."
        ) from None
    if "\0" in text:
        raise UserError(f"{what} {path} contains NUL characters: save it as UTF-8 text.")
    return text


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def atomic_write(path: Path, mode: str = "w", **options: Any) -> Iterator[IO[Any]]:  # noqa: ANN401
    """Open a file for writing that takes its place only when all of it is written.

    Until then, and after an error, the file that was there stays as it is.

    Parameters
    ----------
    mode, options
        As `open` takes them; text is UTF-8 unless an encoding is named.

    Raises
    ------
    UserError
        If the file cannot be written, or what is there is a link, a device or a folder.
    """
    if "b" not in mode:
        options.setdefault("encoding", "utf-8")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise UserError(f"{path} is not an ordinary file: move it away, or name another file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # In the same folder, because a file moves at once only within a file system.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _refusal(path, error) from error
    try:
        with os.fdopen(handle, mode, **options) as file:
            yield file
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _refusal(path, error) from error
        raise


def write_whole(path: Path, text: str) -> None:
    """Write text to a file in one move, making its folder where it is missing.

    Raises
    ------
    UserError
        If the file cannot be written; what was there before stays.
    """
    with atomic_write(path) as file:
        file.write(text)


def _refusal(path: Path, error: OSError) -> UserError:
    return UserError(
        f"Cannot write {path} ({error.strerror or error}): check that its folder can be written "
        "and has space, or name another file."
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
