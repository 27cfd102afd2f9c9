"""Requests that survive a bad network and trust no answer."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from la_pipeline_failure_predict import __version__
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.settings import Settings
from la_pipeline_failure_predict.sources.proxies import DIRECT
from la_pipeline_failure_predict.sources.remote.authentication import host_of, shown

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Accept = Callable[[bytes], Result]

USER_AGENT = f"la-pipes/{__version__} (water-main break warehouse; python-requests)"
CONNECT_S = 10
LONGEST_WAIT_S = 300
"""What a server may ask for before the next try."""
MAX_REDIRECTS = 5
REDIRECTS = {301, 302, 303, 307, 308}
BUSY = {429, 500, 502, 503, 504}
CHUNK_BYTES = 1 << 18
SLOWEST = 1_000
"""Bytes a second, over the time-out; what is slower has hung."""
MAX_ANSWER_BYTES = 500_000_000
DEFAULT_PORTS = {"http": 80, "https": 443}


class Unfit(Exception):
    """An answer that another try may better; its message says what is wrong with it."""


class Web:
    """What is sent and received for one download.

    Parameters
    ----------
    named
        Addresses that the user named: only these may be on a private network.
    headers
        Sent to the hosts of these addresses, and to no other.

    Attributes
    ----------
    tries
        How often a request is tried.
    """

    def __init__(self, settings: Settings, named: list[str], headers: Mapping[str, str]) -> None:
        self._timeout_s = settings.http_timeout_s
        self.tries = settings.http_retries + 1
        self._hosts = {host_of(url) for url in named}
        self._headers = dict(headers)
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        retry = _Retry(
            total=settings.http_retries,
            backoff_factor=0.5,
            backoff_max=60,
            backoff_jitter=0.2,
            status_forcelist=BUSY,
            allowed_methods=None,  # all that is asked here may be asked twice
            raise_on_status=False,
            retry_after_max=LONGEST_WAIT_S,
        )
        adapter = _Adapter({_place(url) for url in named}, retry)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def json(self, url: str, **request: Any) -> Any:  # noqa: ANN401
        """Return the JSON of an answer, its numbers as they are written.

        Raises
        ------
        UserError
            If there is no such answer after several tries.
        """
        return self.ask(url, parse_json, **request)

    def ask(self, url: str, accept: Accept[Result], **request: Any) -> Result:  # noqa: ANN401
        """Return what `accept` makes of an answer; where it raises `Unfit`, ask again.

        Raises
        ------
        UserError
            If no answer fits.
        """
        reason = ""
        for attempt in range(self.tries):
            self.wait(attempt)
            try:
                with self.open(url, **request) as (_, chunks):
                    return accept(_joined(chunks, url))
            except Unfit as error:
                reason = str(error)
                log.debug("%s: %s", shown(url), reason)
        raise UserError(
            f"{shown(url)} {reason}, {self.tries} times: try again later. What was fetched is "
            "kept, and the same command goes on from there."
        )

    @contextmanager
    def open(
        self,
        url: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        expected: tuple[int, ...] = (200,),
        **request: Any,  # noqa: ANN401
    ) -> Iterator[tuple[requests.Response, Iterator[bytes]]]:
        """Yield an answer and its content in pieces.

        Raises
        ------
        UserError
            If the server cannot be reached, refuses, or leads to where nobody named.
        Unfit
            If the answer is cut, slow or damaged; also while the content is read.
        """
        response = self._follow(method, url, dict(headers or {}), request)
        try:
            if response.status_code not in expected:
                raise _refusal(response, url)
            yield response, self._chunks(response)
        finally:
            response.close()

    def wait(self, attempt: int) -> None:
        """Wait before another try of a request."""
        if attempt:
            time.sleep(min(0.5 * 2 ** (attempt - 1), 30))

    def _follow(
        self, method: str, url: str, headers: dict[str, str], request: dict[str, Any]
    ) -> requests.Response:
        seen = {url}
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send(method, url, headers, request)
            place = response.headers.get("Location")
            if response.status_code not in REDIRECTS or not place:
                return response
            response.close()
            target = urljoin(url, place)
            _check_redirect(url, target)
            if target in seen:
                raise UserError(f"{shown(url)} redirects in a circle: check the address.")
            seen.add(target)
            request = {key: value for key, value in request.items() if key != "params"}
            url = target
        raise UserError(f"{shown(url)} redirects more than {MAX_REDIRECTS} times: check it.")

    def _send(
        self, method: str, url: str, headers: dict[str, str], request: dict[str, Any]
    ) -> requests.Response:
        own = self._headers if host_of(url) in self._hosts else {}
        try:
            response = self._session.request(
                method,
                url,
                headers=headers | own,
                timeout=(CONNECT_S, self._timeout_s),
                allow_redirects=False,
                proxies={"no_proxy": DIRECT} if DIRECT else None,
                stream=True,
                **request,
            )
        except requests.exceptions.SSLError:
            raise UserError(
                f"The certificate of {host_of(url)} does not fit, so that nobody knows who would "
                "answer: check the address and the clock of this machine."
            ) from None
        except requests.exceptions.RequestException as error:
            raise UserError(
                f"{host_of(url)} cannot be reached ({type(error).__name__}): check the network "
                "and the address. What was fetched is kept."
            ) from None
        log.debug("%s %s: %s", method, shown(response.url or url), response.status_code)
        return response

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        start, size = time.monotonic(), 0
        try:
            while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
                size += len(chunk)
                seconds = time.monotonic() - start
                if seconds > self._timeout_s and size < SLOWEST * seconds:
                    raise Unfit(f"answers with under {SLOWEST:,} bytes a second")
                yield chunk
        except (HTTPError, OSError) as error:
            raise Unfit(f"was cut off ({type(error).__name__})") from None


def parse_json(content: bytes) -> Any:  # noqa: ANN401
    """Return JSON, its numbers as they are written.

    Raises
    ------
    Unfit
        If it is none.
    """
    check_no_page(content)
    try:
        return json.loads(content, parse_float=str, parse_constant=str)
    except ValueError:
        raise Unfit("answers with what is no complete JSON") from None


def check_no_page(content: bytes) -> None:
    """Check that content is no web page.

    Raises
    ------
    Unfit
        If it is one, such as the page of an error.
    """
    start = content[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise Unfit("answers with a web page instead of data")


class _Retry(Retry):
    """Tries again what may succeed; a certificate that does not fit will not."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Return what is left to try, or raise the error."""
        if error is not None and "CERTIFICATE_VERIFY" in str(error):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)


class _Adapter(HTTPAdapter):
    """Connects to public addresses, and to those that the user named."""

    def __init__(self, places: set[tuple[str, int]], retry: Retry) -> None:
        self._places = places
        super().__init__(max_retries=retry)

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        """Make connections that know what they may lead to."""
        super().init_poolmanager(*arguments, **named)
        places = self._places

        class Plain(HTTPConnection):
            def _new_conn(self) -> Any:  # noqa: ANN401
                return _checked(super()._new_conn(), (self.host, self.port), places)

        class Encrypted(HTTPSConnection):
            def _new_conn(self) -> Any:  # noqa: ANN401
                return _checked(super()._new_conn(), (self.host, self.port), places)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(HTTPSConnectionPool):
            ConnectionCls = Encrypted

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}


def _checked(socket: Any, place: tuple[str, int | None], named: set[tuple[str, int]]) -> Any:  # noqa: ANN401
    """Return a connection, after what it is connected to: a name may lead anywhere."""
    address = ip_address(socket.getpeername()[0].partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    host, port = str(place[0]).strip("[]").lower(), place[1]
    is_named = (host, port) in named or (port == DEFAULT_PORTS["https"] and (host, 80) in named)
    if not address.is_global and not is_named:
        socket.close()
        raise UserError(
            f"The server leads to {host}:{port}, which is on a private network: if that is right, "
            "name that address yourself."
        )
    return socket


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or DEFAULT_PORTS[parts.scheme]


def _check_redirect(url: str, target: str) -> None:
    old, new = urlsplit(url).scheme, urlsplit(target).scheme
    if new not in DEFAULT_PORTS or (old == "https" and new == "http"):
        raise UserError(
            f"{shown(url)} redirects to {shown(target)}, which is not encrypted: name an address "
            "that begins https://."
        )


def _joined(chunks: Iterator[bytes], url: str) -> bytes:
    pieces, size = [], 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise UserError(
                f"{shown(url)} answers with over {MAX_ANSWER_BYTES:,} bytes: ask for less."
            )
        pieces.append(chunk)
    return b"".join(pieces)


def _refusal(response: requests.Response, url: str) -> UserError:
    status, host = response.status_code, host_of(url)
    why = {
        401: f"{host} wants a token, or no longer takes this one: get a new one, and set it (see "
        "docs/02_data_sources)",
        403: f"{host} does not let you have this: ask its owner, or set a token (see "
        "docs/02_data_sources)",
        404: "nothing has this address: look on the portal where the data are now",
        410: "the data are gone: look on the portal where they are now",
        429: f"{host} lets you ask no more for now: wait, then give the same command; what was "
        "fetched is kept. An application token allows more",
    }.get(status, f"{host} has a fault of its own: try again later; what was fetched is kept")
    return UserError(f"{shown(url)} answers {status}: {why}.")
