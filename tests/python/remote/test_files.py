"""Files at an address: whole, the right ones, and never half under their name."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from remote import portal as faults
from remote.portal import Fault, Portal

Fetch = Callable[..., Result]
CONTENT = b"LEAK_ID,RPT_DATE\r\n" + b"".join(b"%07d,1-Jan-10\r\n" % i for i in range(300_000))
NAME = "/data/main%20leaks.csv"


@pytest.fixture
def leaks(portal: Portal) -> str:
    """A file of 6 MB, which is fetched in two pieces; returns its address."""
    portal.answers[NAME] = lambda parameters: CONTENT
    portal.headers = {"ETag": '"one"'}
    portal.content_type = "text/csv"
    return portal.url + NAME


def only(folder: Path) -> Path:
    (path,) = folder.glob("raw/*/[0-9]*/main_leaks.csv")
    return path


def test_a_file_arrives_whole_under_a_name_that_is_safe(
    leaks: str, fetch: Fetch, tmp_path: Path
) -> None:
    result = fetch(f"files:{leaks}?sig=hush-hush")
    assert result.exit_code == 0, result.output
    assert only(tmp_path).read_bytes() == CONTENT
    manifest = json.loads((only(tmp_path).parent / "manifest.json").read_text())
    assert manifest["files"][0]["etag"] == '"one"'
    assert manifest["files"][0]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"hush-hush" not in file.read_bytes(), file
    assert "hush-hush" not in result.output


@pytest.mark.parametrize(
    "fault",
    [faults.cut, faults.status(500), faults.html, faults.dripping, faults.redirect(NAME + "?2")],
)
@pytest.mark.parametrize("request_number", [0, 1])
def test_one_bad_answer_changes_no_byte(
    portal: Portal, leaks: str, fetch: Fetch, tmp_path: Path, fault: Fault, request_number: int
) -> None:
    portal.faults.extend([None] * request_number + [fault])
    if request_number == 0 and fault in (faults.cut, faults.html, faults.dripping):
        portal.faults[0] = faults.status(405)  # an answer without content has no such faults
    result = fetch(f"files:{leaks}")
    assert result.exit_code == 0, result.output
    assert only(tmp_path).read_bytes() == CONTENT


def test_after_a_cut_only_the_rest_is_fetched(
    portal: Portal, leaks: str, fetch: Fetch, tmp_path: Path
) -> None:
    portal.faults.extend([None, faults.cut, faults.status(404)])
    result = fetch(f"files:{leaks}")
    assert result.exit_code == 2
    assert not list(tmp_path.glob("raw/*/[0-9]*"))
    assert fetch(f"files:{leaks}").exit_code == 0
    ranges = [headers.get("Range") for *_, headers in portal.requests]
    assert len([text for text in ranges if text]) == 2
    assert ranges[-1] != "bytes=0-"
    assert only(tmp_path).read_bytes() == CONTENT


def test_a_file_that_changed_since_the_cut_is_fetched_from_its_start(
    portal: Portal, leaks: str, fetch: Fetch, tmp_path: Path
) -> None:
    portal.faults.extend([None, faults.cut, faults.status(404)])
    assert fetch(f"files:{leaks}").exit_code == 2
    portal.answers[NAME] = lambda parameters: CONTENT[::-1]
    portal.headers = {"ETag": '"two"'}
    assert fetch(f"files:{leaks}").exit_code == 0
    assert only(tmp_path).read_bytes() == CONTENT[::-1]


def test_a_server_that_says_nothing_of_versions_is_never_trusted_with_a_rest(
    portal: Portal, leaks: str, fetch: Fetch, tmp_path: Path
) -> None:
    portal.headers = {}
    portal.faults.extend([None, faults.cut])
    assert fetch(f"files:{leaks}").exit_code == 0
    assert not [headers for *_, headers in portal.requests if "Range" in headers]
    assert only(tmp_path).read_bytes() == CONTENT


def test_an_unchanged_file_is_not_fetched_again(
    portal: Portal, leaks: str, fetch: Fetch, tmp_path: Path
) -> None:
    assert fetch(f"files:{leaks}").exit_code == 0
    portal.requests.clear()
    assert "nothing new since" in fetch(f"files:{leaks}").output
    assert [method for method, *_ in portal.requests] == ["HEAD"]


def test_a_file_whose_address_stands_in_the_environment(
    leaks: str, fetch: Fetch, tmp_path: Path
) -> None:
    assert fetch("files:$DELIVERY_URL", DELIVERY_URL=leaks).exit_code == 0
    assert "DELIVERY_URL holds no address" in fetch("files:$DELIVERY_URL").output


def test_a_web_page_is_no_file(portal: Portal, leaks: str, fetch: Fetch, tmp_path: Path) -> None:
    assert fetch(f"files:{leaks}").exit_code == 0
    portal.headers = {"ETag": '"two"'}
    portal.faults.extend([None, *[faults.html] * 30])
    result = fetch(f"files:{leaks}")
    assert result.exit_code == 2
    assert "a web page instead of data" in result.output
    assert only(tmp_path).read_bytes() == CONTENT  # the last good one


@pytest.mark.parametrize("words", [("--where", "1=1"), ("--since", "2024-01-01")])
def test_a_file_is_fetched_as_a_whole_only(leaks: str, fetch: Fetch, words: tuple) -> None:
    result = fetch(f"files:{leaks}", *words)
    assert result.exit_code == 2
    assert "fetch all of it" in result.output
