"""Files that lie at an address, whole: fetched in pieces, checked against a digest where known."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.files import sha256_of
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.remote.authentication import check_address, shown
from la_pipeline_failure_predict.sources.remote.remote_file import (
    Changed,
    Page,
    Plan,
    RemoteFile,
    version_of,
)
from la_pipeline_failure_predict.sources.remote.web import Unfit, Web, check_no_page

PLAIN = {"Accept-Encoding": "identity"}
"""Compressed on the way, a file has no known length and cannot be gone on with."""
NO_HEAD = (400, 401, 403, 404, 405, 501)
"""What servers answer that let a file be fetched but not asked about."""
PIECE_BYTES = 4_000_000
PAGE_SUFFIXES = {".htm", ".html"}


class PlainFile(RemoteFile):
    """A file at an address.

    Parameters
    ----------
    url
        Its address, or `$NAME` of a variable of the environment that holds it.
    sha256
        Its digest, where it must be this file and no other.
    name
        What to call it; the last part of the address by default.
    """

    def __init__(
        self, settings: Settings, url: str, sha256: str | None = None, name: str | None = None
    ) -> None:
        self._url = check_address(_from_environment(url))
        self._sha256 = sha256.lower() if sha256 else None
        self._web = Web(settings, [self._url], {})
        last = unquote(urlsplit(self._url).path).rpartition("/")[2]
        self._name = re.sub(r"[^\w.+-]", "_", name or last).lstrip(".") or "file"

    def look(self) -> Plan:
        """Return what the server says of the file."""
        about = self._headers()
        etag, modified = about.get("ETag"), about.get("Last-Modified")
        is_plain = about.get("Content-Encoding", "identity") == "identity"
        length = about.get("Content-Length", "") if is_plain else ""
        version = self._sha256 or ""
        if not version and is_plain and (etag or modified):
            version = version_of(self._url, etag, modified, length)
        return Plan(
            file_name=self._name,
            url=shown(self._url),
            version=version,
            is_dated=bool(version),
            size=int(length) if length.isdigit() else None,
            etag=etag,
            last_modified=modified,
        )

    def _headers(self) -> requests.structures.CaseInsensitiveDict:
        expected = (200, *NO_HEAD)
        with self._web.open(self._url, "HEAD", PLAIN, expected) as (response, _):
            if response.status_code == requests.codes.ok:
                return response.headers
        with self._web.open(self._url, headers=PLAIN) as (response, _):
            return response.headers

    def pages(self, plan: Plan, position: int) -> Iterator[Page]:
        """Yield the file in pieces; after a cut, from where it was."""
        idle = 0
        while plan.size is None or position < plan.size or position == 0:
            before, reason = position, ""
            try:
                for piece in self._pieces(plan, position):
                    position += len(piece)
                    yield Page(piece, 0, position)
                if plan.size is None or position >= plan.size:
                    break
                reason = "was cut off"
            except Unfit as error:
                if not plan.version and position:
                    raise Changed from None  # nothing tells whether the rest would belong to it
                reason = str(error)
            idle = 0 if position > before else idle + 1
            if idle == self._web.tries:
                raise UserError(
                    f"{plan.url} {reason}, {idle} times: try again later. What was fetched is "
                    "kept, and the same command goes on from there."
                )
            self._web.wait(idle)
        if plan.size is not None and position != plan.size:
            raise Changed

    def _pieces(self, plan: Plan, position: int) -> Iterator[bytes]:
        headers = dict(PLAIN)
        if position:
            headers["Range"] = f"bytes={position}-"
            # A weak tag does not promise the same bytes.
            strong = plan.etag if plan.etag and not plan.etag.startswith("W/") else None
            if validator := strong or plan.last_modified:
                headers["If-Range"] = validator
        expected = (200, 206, 416) if position else (200,)
        with self._web.open(self._url, headers=headers, expected=expected) as (response, chunks):
            is_rest = response.headers.get("Content-Range", "").startswith(f"bytes {position}-")
            if position and not (response.status_code == requests.codes.partial and is_rest):
                raise Changed
            pending = b""
            try:
                for chunk in chunks:
                    if not position and not pending:
                        self._check_start(chunk)
                    pending += chunk
                    if len(pending) >= PIECE_BYTES:
                        yield pending
                        position, pending = position + len(pending), b""
            except Unfit:
                if pending:
                    yield pending
                raise
            if pending:
                yield pending

    def _check_start(self, chunk: bytes) -> None:
        if Path(self._name).suffix.lower() not in PAGE_SUFFIXES:
            check_no_page(chunk)

    def recheck(self, plan: Plan, path: Path) -> None:
        """Check the digest of the file, or, where none is known, that it is still the same file."""
        if self._sha256 is None:
            super().recheck(plan, path)
        elif sha256_of(path) != self._sha256:
            raise UserError(
                f"{plan.url} is not the file that was asked for: its SHA-256 is "
                f"{sha256_of(path)}, not {self._sha256}. Look what its owner changed."
            )


def _from_environment(url: str) -> str:
    if not url.startswith("$"):
        return url
    name = url.removeprefix("$").strip("{}")
    if not os.environ.get(name):
        raise UserError(f"The variable {name} holds no address: set it.")
    return os.environ[name]
