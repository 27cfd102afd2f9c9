"""What a server may not do to us, whatever it serves."""

import datetime as dt
import os
import ssl
import subprocess
import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest
from click.testing import Result

from la_pipeline_failure_predict.sources.remote.authentication import shown
from remote import portal as faults
from remote.layer import PATH, Layer
from remote.portal import Portal

Fetch = Callable[..., Result]


def test_a_redirect_to_a_private_address_is_refused(portal: Portal, fetch: Fetch) -> None:
    layer, other = Layer(portal), Portal()
    Layer(other)
    for place in (
        f"http://localhost:{portal.port}{PATH}",
        f"{other.url}{PATH}",
        f"http://127.1:{portal.port}{PATH}",
    ):
        portal.faults.append(faults.redirect(place))
        result = fetch(f"arcgis:{layer.url}")
        assert result.exit_code == 2
        assert "on a private network" in result.output
        portal.faults.clear()
    assert not other.requests
    other.close()


def test_a_redirect_in_a_circle_is_a_sentence(portal: Portal, fetch: Fetch) -> None:
    layer = Layer(portal)
    portal.faults.extend([faults.redirect(f"{PATH}?step=1"), faults.redirect(f"{PATH}?step=1")])
    result = fetch(f"arcgis:{layer.url}")
    assert result.exit_code == 2
    assert "redirects in a circle" in result.output


def test_endless_redirects_are_a_sentence(portal: Portal, fetch: Fetch) -> None:
    layer = Layer(portal)
    portal.faults.extend(faults.redirect(f"{PATH}?step={step}") for step in range(9))
    assert "more than 5 times" in fetch(f"arcgis:{layer.url}").output


def test_a_slow_drip_is_not_waited_for(portal: Portal, fetch: Fetch) -> None:
    layer = Layer(portal)
    portal.faults.extend([faults.dripping] * 3)
    start = dt.datetime.now(dt.UTC)
    result = fetch(f"arcgis:{layer.url}", LA_PIPES_HTTP_TIMEOUT_S="0.3")
    assert result.exit_code == 2
    assert "under 1,000 bytes a second, 3 times" in result.output
    assert (dt.datetime.now(dt.UTC) - start).total_seconds() < 15


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (faults.status(404), "nothing has this address"),
        (faults.status(401), "no longer takes this one"),
        (faults.status(429, Retry_After="0"), "lets you ask no more for now"),
        (faults.status(500), "has a fault of its own"),
        (faults.html, "answers with a web page instead of data"),
        (faults.cut, "was cut off"),
    ],
)
def test_a_fault_that_stays_is_a_sentence(
    portal: Portal, fetch: Fetch, fault: faults.Fault, sentence: str
) -> None:
    layer = Layer(portal)
    portal.faults.extend([fault] * 9)
    result = fetch(f"arcgis:{layer.url}")
    assert result.exit_code == 2
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_retry_after_is_waited_for(portal: Portal, fetch: Fetch) -> None:
    layer = Layer(portal)
    portal.faults.append(faults.status(429, Retry_After="1"))
    start = dt.datetime.now(dt.UTC)
    assert fetch(f"arcgis:{layer.url}").exit_code == 0
    assert (dt.datetime.now(dt.UTC) - start).total_seconds() >= 1


def test_a_certificate_that_does_not_fit_is_a_sentence(fetch: Fetch, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(tmp_path))
    portal = Portal(context)
    layer = Layer(portal)
    result = fetch(f"arcgis:{layer.url}")
    assert result.exit_code == 2
    assert f"The certificate of 127.0.0.1:{portal.port} does not fit" in result.output
    assert not portal.requests
    portal.close()


def _certificate(folder: Path) -> Path:
    """Write a certificate of another host, signed by nobody."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "another.example")])
    alternatives = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.2"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(alternatives, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def test_hosts_without_a_proxy_are_still_so_once_map_layers_can_be_read(portal: Portal) -> None:
    layer = Layer(portal)
    code = (
        "import la_pipeline_failure_predict.sources.gdal, sys\n"
        "from la_pipeline_failure_predict.settings import Settings\n"
        "from la_pipeline_failure_predict.sources.remote.arcgis import ArcGISLayer\n"
        "print(ArcGISLayer(Settings(http_retries=0), sys.argv[1]).look().rows)"
    )
    proxies = {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", code, layer.url],
        env=os.environ | proxies,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "25", done.stderr


def test_a_shown_address_hides_what_may_be_a_secret() -> None:
    url = "https://me:pass@host.org/a?where=1%3D1&sig=abc&X-Amz-Signature=abc&token=abc#abc"
    text = shown(url)
    assert "abc" not in text
    assert "pass" not in text
    assert "where=1" in text
    assert text.startswith("https://host.org/a?")


def test_no_server_and_no_address_are_sentences(fetch: Fetch) -> None:
    closed = Portal()
    closed.close()
    result = fetch(f"arcgis:{closed.url}{PATH}", LA_PIPES_HTTP_RETRIES="0")
    assert result.exit_code == 2
    assert "cannot be reached" in result.output
    for text in ("arcgis:ftp://host/x", "arcgis:host", "arcgis:file:///etc/passwd"):
        result = fetch(text)
        assert result.exit_code == 2
        assert "no address that can be fetched" in result.output
    assert "Unknown source" in fetch("nowhere").output
