"""Fetch the files of a source into a folder of the day, going on where a fetch was interrupted.

What is being fetched lies in `.unfinished`: parts that grow page by page, and beside each a small
file that says how far it got. Only a whole download is moved to the folder of its day, at once.
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import sha256_of, write_whole
from la_pipeline_failure_predict.sources.remote.manifest import (
    FetchedFile,
    Manifest,
    is_whole,
    read_manifest,
)
from la_pipeline_failure_predict.sources.remote.remote_file import Changed, Plan, RemoteFile

UNFINISHED = ".unfinished"
ATTEMPTS = 3
"""How often a fetch begins again because the data changed in the meantime."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Downloaded:
    """A download that is there; `is_new` unless an earlier one holds the same."""

    folder: Path
    manifest: Manifest
    is_new: bool

    @property
    def paths(self) -> list[Path]:
        """Its files."""
        return [self.folder / file.name for file in self.manifest.files]


@dataclass
class _State:
    """How far a part got."""

    version: str
    size: int = 0
    rows: int = 0
    position: int = 0
    fetched: dict | None = None

    def write(self, path: Path) -> None:
        write_whole(path, json.dumps(asdict(self)))


def download(
    source: str,
    files: Sequence[RemoteFile],
    folder: Path,
    progress: Progress,
    licence: str | None = None,
) -> Downloaded:
    """Fetch a source.

    Parameters
    ----------
    folder
        Of the source; each download gets a folder of its day in it.
    licence
        Of the data, where the server does not say.

    Raises
    ------
    UserError
        If something cannot be fetched; earlier downloads stay as they are, and what was fetched is
        kept for the next try.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", blocking=False):
            return _download(source, files, folder, progress, licence)
    except Timeout:
        raise UserError(
            f"Another la-pipes fetches {source} into {folder}: wait until it has finished."
        ) from None


def _download(
    source: str,
    files: Sequence[RemoteFile],
    folder: Path,
    progress: Progress,
    licence: str | None,
) -> Downloaded:
    last = _last(folder)
    work = folder / UNFINISHED
    plans = [file.look() for file in files]
    if last and _is_current(last.manifest, plans):
        return last
    work.mkdir(exist_ok=True)
    fetched = [_fetch(file, plan, work, progress) for file, plan in zip(files, plans, strict=True)]
    said = next((plan.licence for plan in plans if plan.licence), None)
    manifest = Manifest(source, _now(), said or licence, fetched)
    if last and last.manifest.digests == manifest.digests:
        shutil.rmtree(work)
        return last
    for left in set(work.iterdir()) - {work / file.name for file in fetched}:
        left.unlink()
    manifest.write(work)
    place = _free_place(folder)
    work.rename(place)
    return Downloaded(place, manifest, is_new=True)


def latest(folder: Path) -> Downloaded | None:
    """Return the newest whole download of a source, None where there is none."""
    return _last(folder) if folder.is_dir() else None


def _last(folder: Path) -> Downloaded | None:
    found = []
    for place in folder.iterdir():
        manifest = read_manifest(place) if not place.name.startswith(".") else None
        if manifest and is_whole(place, manifest):
            found.append(Downloaded(place, manifest, is_new=False))
    return max(found, key=lambda item: item.manifest.finished_at, default=None)


def _is_current(manifest: Manifest, plans: Sequence[Plan]) -> bool:
    known = {file.name: file.version for file in manifest.files}
    return len(known) == len(plans) and all(
        plan.is_dated and known.get(plan.file_name) == plan.version for plan in plans
    )


def _fetch(file: RemoteFile, plan: Plan, work: Path, progress: Progress) -> FetchedFile:
    for _ in range(ATTEMPTS):
        try:
            return _fetch_version(file, plan, work, progress)
        except Changed:
            newer = file.look()
        except UserError as error:
            newer = _look_again(file, plan)
            if newer.version == plan.version:
                raise error from None
        (work / f"{plan.file_name}.state").unlink(missing_ok=True)
        plan = newer
    raise UserError(
        f"{plan.url} changes while it is fetched: try again when it is not being edited."
    )


def _look_again(file: RemoteFile, plan: Plan) -> Plan:
    """Return what there is after an error: answers that do not fit may be those of new data."""
    try:
        return file.look()
    except UserError:
        return plan


def _fetch_version(file: RemoteFile, plan: Plan, work: Path, progress: Progress) -> FetchedFile:
    path, part = work / plan.file_name, work / f"{plan.file_name}.part"
    state_path = work / f"{plan.file_name}.state"
    state = _read_state(state_path, plan.version)
    if state and state.fetched:
        done = FetchedFile(**state.fetched)
        if part.exists():
            part.replace(path)
        if path.is_file() and sha256_of(path) == done.sha256:
            return done
        state = None
    if state is None or not part.is_file() or part.stat().st_size < state.size:
        part.write_bytes(plan.head)
        state = _State(plan.version, size=len(plan.head))
        state.write(state_path)
    with part.open("r+b") as target:
        target.truncate(state.size)
        target.seek(state.size)
        for page in file.pages(plan, state.position):
            target.write(page.content)
            target.flush()
            state.size += len(page.content)
            state.rows += page.rows
            state.position = page.position
            state.write(state_path)
            _report(progress, plan, state)
        os.fsync(target.fileno())
    try:
        file.recheck(plan, part)
    except UserError:
        part.unlink()
        raise
    fetched = FetchedFile(
        name=plan.file_name,
        url=plan.url,
        fetched_at=_now(),
        bytes=part.stat().st_size,
        sha256=sha256_of(part),
        rows=state.rows or None,
        etag=plan.etag,
        last_modified=plan.last_modified,
        version=plan.version,
    )
    state.fetched = asdict(fetched)
    state.write(state_path)
    part.replace(path)
    return fetched


def _report(progress: Progress, plan: Plan, state: _State) -> None:
    if plan.rows:
        progress(state.rows, plan.rows, f"{plan.file_name}, rows")
    else:
        progress(state.size // 1000, (plan.size or 0) // 1000, f"{plan.file_name}, kB")


def _read_state(path: Path, version: str) -> _State | None:
    try:
        state = _State(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return state if version and state.version == version else None


def _free_place(folder: Path) -> Path:
    """Return the folder of today, or the next one where that has a download."""
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    names = (day if number == 1 else f"{day}.{number}" for number in count(1))
    return next(folder / name for name in names if not (folder / name).exists())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
