"""The part of Fabric, Power BI and Entra that deploying talks to, over TLS on loopback.

It keeps workspaces in memory, demands its own tokens, answers slow requests with 202 and an
operation to ask about, and remembers every request.
"""

import base64
import datetime
import ipaddress
import json
import re
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TENANT = "adfs"  # the one kind of tenant whose tokens come from the named host alone
CLIENT = "11111111-2222-3333-4444-555555555555"
SECRET = "hush~7.Secret"


@dataclass
class Answer:
    """What the server says."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """What a client asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class DeployedItem:
    """An item of a workspace with its files."""

    id: str
    type: str
    name: str
    files: dict[str, str]
    versions: int = 1
    connection: str = ""

    def listed(self) -> dict[str, str]:
        return {
            "id": self.id,
            "type": self.type,
            "displayName": self.name,
            "description": "",
            "workspaceId": "",
        }


class FakeFabric:
    """One workspace and the service around it.

    Attributes
    ----------
    faults
        Answers to give first, by method and a pattern of the path; each is given once.
    refresh_statuses
        How the newest refresh stands each time it is asked about; the last one stays.
    unlisted_refreshes
        Refreshes that were started and are listed only when asked about once more.
    """

    def __init__(self, workspace_id: str) -> None:
        self.workspace_id = workspace_id
        self.items: dict[str, DeployedItem] = {}
        self.folders: list[str] = []
        self.connections: dict[str, dict[str, Any]] = {}
        self.refreshes: list[dict[str, str]] = []
        self.unlisted_refreshes: list[dict[str, str]] = []
        self.refresh_statuses = ["Unknown", "Completed"]
        self.refresh_fault = ""
        self.requests: list[Request] = []
        self.faults: list[tuple[str, str, Answer]] = []
        self.address = ""
        self.token_seconds = 3600.0
        self._tokens: dict[str, float] = {}
        self._operations: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()

    def item(self, name: str) -> DeployedItem:
        return next(item for item in self.items.values() if item.name == name)

    def asked(self, method: str, pattern: str) -> list[Request]:
        """Return the requests of a method whose path matches."""
        return [r for r in self.requests if r.method == method and re.search(pattern, r.path)]

    def answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            for fault in self.faults:
                method, pattern, answer = fault
                if request.method == method and re.search(pattern, request.path):
                    self.faults.remove(fault)
                    return answer
            path = urlsplit(request.path).path
            if path.startswith(f"/{TENANT}/"):
                return self._sign_in(request, path)
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if self._tokens.get(token, 0) < time.monotonic():
                return Answer(401, {"errorCode": "InvalidToken", "message": "Not signed in"})
            if path.startswith("/v1/operations/"):
                steps = self._operations[path.split("/")[3]]
                return steps.pop(0) if len(steps) > 1 else steps[0]
            if path == "/v1/connections":
                return Answer(200, {"value": list(self.connections.values())})
            for prefix, handle in (
                (f"/v1/workspaces/{self.workspace_id}", self._workspace),
                (f"/v1.0/myorg/groups/{self.workspace_id}/datasets/", self._refreshes),
            ):
                if path.startswith(prefix):
                    return handle(request, path.removeprefix(prefix))
            return Answer(404, {"errorCode": "WorkspaceNotFound", "message": "No such workspace."})

    def _sign_in(self, request: Request, path: str) -> Answer:
        if request.method == "GET":
            root = f"{self.address}/{TENANT}"
            return Answer(
                200,
                {
                    "issuer": root,
                    "authorization_endpoint": f"{root}/oauth2/authorize",
                    "token_endpoint": f"{root}/oauth2/token",
                },
            )
        form = {key: values[0] for key, values in parse_qs(request.body).items()}
        if form["client_id"] != CLIENT or form["client_secret"] != SECRET:
            said = "AADSTS7000215: Invalid client secret provided."
            return Answer(401, {"error": "invalid_client", "error_description": said})
        token = f"token-{uuid.uuid4().hex}"
        self._tokens[token] = time.monotonic() + self.token_seconds
        lifetime = {"expires_in": int(self.token_seconds)}
        return Answer(200, {"access_token": token, "token_type": "Bearer", **lifetime})

    def _workspace(self, request: Request, path: str) -> Answer:
        parts = path.strip("/").split("/") if path else []
        match request.method, parts:
            case "GET", []:
                return Answer(200, {"id": self.workspace_id, "displayName": "Water", "type": "W"})
            case "GET", ["items"]:
                return Answer(200, {"value": [item.listed() for item in self.items.values()]})
            case "POST", ["items"]:
                return self._create(request.json())
            case "POST", ["items", item_id, "updateDefinition"]:
                item = self.items[item_id]
                item.files = _files(request.json())
                item.versions += 1
                return self._later(Answer(200, {"status": "Succeeded"}))
            case "GET", ["items", _, "connections"]:
                return Answer(200, {"value": [{"connectivityType": "None"}]})
            case "POST", ["semanticModels", item_id, "bindConnection"]:
                self.items[item_id].connection = request.json()["connectionBinding"]["id"]
                return Answer(200, {})
            case "POST", ["folders"]:
                self.folders.append(request.json()["displayName"])
                return Answer(201, {"id": str(uuid.uuid4())})
        return Answer(404, {"message": f"{request.method} {request.path} is not faked."})

    def _create(self, body: dict[str, Any]) -> Answer:
        item = DeployedItem(str(uuid.uuid4()), body["type"], body["displayName"], _files(body))
        if item.type == "Report" and "byPath" in item.files["definition.pbir"]:
            return Answer(400, {"message": "byPath is not supported in the service."})
        self.items[item.id] = item
        done = Answer(200, {"status": "Succeeded"})
        return self._later(done, Answer(200, item.listed()))

    def _later(self, done: Answer, result: Answer | None = None) -> Answer:
        """Accept a request: it is running when first asked about, then done."""
        operation = str(uuid.uuid4())
        place = f"{self.address}/v1/operations/{operation}"
        running = Answer(200, {"status": "Running"}, {"Location": place, "Retry-After": "1"})
        if result:
            done = Answer(done.status, done.body, {"Location": f"{place}/result"})
        self._operations[operation] = [running, done, *([result] if result else [])]
        return Answer(202, None, {"Location": place, "Retry-After": "1"})

    def _refreshes(self, request: Request, path: str) -> Answer:
        model_id, what = path.split("/")
        assert what == "refreshes"
        if model_id not in self.items:
            return Answer(404, {"error": {"code": "PowerBIEntityNotFound"}})
        if request.method == "POST":
            self.unlisted_refreshes.append({"requestId": str(uuid.uuid4())})
            return Answer(202)
        listed = self.refreshes[:1]
        for newest in listed:
            statuses = self.refresh_statuses
            newest["status"] = statuses.pop(0) if len(statuses) > 1 else statuses[0]
            if newest["status"] == "Failed":
                newest["serviceExceptionJson"] = self.refresh_fault
        self.refreshes[:0] = self.unlisted_refreshes
        self.unlisted_refreshes = []
        return Answer(200, {"value": listed})


def _files(body: dict[str, Any]) -> dict[str, str]:
    return {
        part["path"]: base64.b64decode(part["payload"]).decode()
        for part in body["definition"]["parts"]
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fabric: FakeFabric

    def _serve(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        headers = {key.lower(): value for key, value in self.headers.items()}
        body = self.rfile.read(size).decode()
        answer = self.fabric.answer(Request(self.command, self.path, headers, body))
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if content:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def serve(fabric: FakeFabric, folder: Path) -> Iterator[Path]:
    """Serve it, set its address, and give the certificate that clients must trust."""
    certificate, key = _certificate(folder)
    handler = type("Handler", (_Handler,), {"fabric": fabric})
    server = ThreadingHTTPServer(("localhost", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    fabric.address = f"https://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield certificate
    server.shutdown()
    server.server_close()


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file
