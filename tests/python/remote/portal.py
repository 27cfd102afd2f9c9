"""A real HTTP server on loopback that behaves as data portals do, also on their bad days."""

import gzip
import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Parameters = dict[str, str]
Answer = Callable[[Parameters], Any]
Fault = Callable[["Handler", bytes], None]


class Portal:
    """Answers of paths, and faults that the next requests meet, one each; None is no fault."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Answer] = {}
        self.faults: deque[Fault | None] = deque()
        self.requests: list[tuple[str, str, Parameters, dict[str, str]]] = []
        self.last = b""
        self.delay_s = 0.0
        self.content_type = "application/json"
        self.headers: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.portal = self  # type: ignore[attr-defined]
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        scheme = "https" if context else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        text = body.decode()
        parameters = {"body": text} if text.startswith("{") else _single(text)
        self._answer(parameters)

    def do_HEAD(self) -> None:
        self._answer({})

    def do_GET(self) -> None:
        self._answer(_single(urlsplit(self.path).query))

    def _answer(self, parameters: Parameters) -> None:
        portal: Portal = self.server.portal  # type: ignore[attr-defined]
        path = urlsplit(self.path).path
        portal.requests.append((self.command, path, parameters, dict(self.headers)))
        time.sleep(portal.delay_s)
        if path not in portal.answers:
            self.send(b'{"code": "dataset.missing", "message": "Not found"}', 404)
            return
        found = portal.answers[path](parameters)
        content = found if isinstance(found, bytes) else json.dumps(found).encode()
        fault = portal.faults.popleft() if portal.faults else None
        if fault:
            fault(self, content)
        else:
            self.send(content)
            portal.last = content

    def send(
        self,
        content: bytes,
        status: int = 200,
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        portal: Portal = self.server.portal  # type: ignore[attr-defined]
        all_headers = {"Content-Type": portal.content_type} | portal.headers | (headers or {})
        start = _range_start(self.headers.get("Range"))
        if status == 200 and start is not None:
            all_headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            content, status = content[start:], 206
        self.send_response(status)
        for name, value in all_headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        if length is not None:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_WR)


def _range_start(text: str | None) -> int | None:
    return int(text.removeprefix("bytes=").rstrip("-")) if text else None


def _single(text: str) -> Parameters:
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


def status(code: int, **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, content: handler.send(b"try later", code, named)


def cut(handler: Handler, content: bytes) -> None:
    handler.send(content[: len(content) // 2], length=len(content))


def says_too_little(handler: Handler, content: bytes) -> None:
    handler.send(content, length=len(content) - 7)


def html(handler: Handler, content: bytes) -> None:
    page = b"<!DOCTYPE html><html><body>Our portal is being improved</body></html>"
    handler.send(page, headers={"Content-Type": "text/html"})


def wrong_type(handler: Handler, content: bytes) -> None:
    handler.send(content, headers={"Content-Type": "text/html;charset=utf-8"})


def zipped(handler: Handler, content: bytes) -> None:
    handler.send(gzip.compress(content), headers={"Content-Encoding": "gzip"})


def damaged_zip(handler: Handler, content: bytes) -> None:
    handler.send(b"\x1f\x8bnot really", headers={"Content-Encoding": "gzip"})


def repeated(handler: Handler, content: bytes) -> None:
    handler.send(handler.server.portal.last)  # type: ignore[attr-defined]


def redirect(place: str, code: int = 302) -> Fault:
    return lambda handler, content: handler.send(b"", code, {"Location": place})


def dripping(handler: Handler, content: bytes) -> None:
    handler.send(b"", length=len(content)) if not content else None
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    try:
        for byte in content[:100]:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass
    handler.close_connection = True
