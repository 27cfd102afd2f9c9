"""The workflows users adopt: their command lines exist, and they ask for no more than needed."""

import functools
import os
import re
import shlex
import shutil
import ssl
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest
import yaml

from cities import ROOT
from la_pipeline_failure_predict.cli import main

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOWS = {file.name: yaml.safe_load(file.read_text()) for file in FILES}
COMMAND = re.compile(r"(?:^|[\s|&;])(?:\S*/)?la-pipes ([^|&;\n]+)")


def jobs() -> Iterator[tuple[str, dict]]:
    for name, workflow in WORKFLOWS.items():
        for job in workflow["jobs"].values():
            yield name, job


def scripts() -> Iterator[tuple[str, str]]:
    for name, job in jobs():
        for step in job.get("steps", []):
            if "run" in step:
                yield name, step["run"].replace("\\\n", " ")


def command_lines() -> list[tuple[str, str]]:
    return [(name, line.strip()) for name, text in scripts() for line in COMMAND.findall(text)]


@pytest.mark.parametrize(("workflow", "line"), command_lines())
def test_every_command_line_exists(workflow: str, line: str) -> None:
    words = [word for word in shlex.split(line) if word != "2>&1"]
    command: click.Command = main
    while isinstance(command, click.Group):
        name = words.pop(0)
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"{workflow}: la-pipes {line}"
        command = found
    with click.Context(command) as context:
        _, left, _ = command.make_parser(context).parse_args(words)
    assert left == [], f"{workflow}: la-pipes {line}"


def test_the_workflows_do_what_they_promise() -> None:
    used = {line.split()[0] for _, line in command_lines()}
    assert {"run", "check", "compare", "powerbi"} <= used
    assert "uses" in WORKFLOWS["pull_request.yml"]["jobs"]["code"]
    targets = WORKFLOWS["pull_request.yml"]["jobs"]["build"]["strategy"]["matrix"]["target"]
    assert set(targets) == {"dev", "postgres"}


def test_every_target_and_script_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name, text in scripts():
        for target in re.findall(r"^\s*make (\S+)", text, re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{name}: make {target}"
        for script in re.findall(r"\.ci/\w+", text):
            assert os.access(ROOT / script, os.X_OK), f"{name}: {script}"


def test_a_name_or_title_cannot_become_a_command() -> None:
    """Expressions in a script are pasted into it: they go through the environment instead."""
    assert [name for name, text in scripts() if "${{" in text] == []


def test_secrets_go_to_steps_alone() -> None:
    for name, workflow in WORKFLOWS.items():
        assert "secrets." not in str(workflow.get("env", "")), name
    for name, job in jobs():
        assert "secrets." not in str(job.get("env", "")), name
        for step in job.get("steps", []):
            outside = {key: value for key, value in step.items() if key != "env"}
            assert "secrets." not in str(outside), name


def test_rights_are_the_least() -> None:
    for name, workflow in WORKFLOWS.items():
        assert workflow["permissions"] == {"contents": "read"}, name
        assert workflow["concurrency"]["group"], name
    for name, job in jobs():
        rights = job.get("permissions", {})
        assert "contents" not in rights, name
        steps = job.get("steps", [])
        if rights:  # what may write runs nothing that a pull request brings
            assert not any("run" in step or "checkout" in step["uses"] for step in steps), name
        for step in steps:
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False, name
        for action in (step["uses"] for step in steps if "uses" in step):
            assert re.fullmatch(r"actions/[\w-]+@v\d+", action), action


def fetch(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / ".ci" / "fetch_delivery"), str(folder)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **environment},
    )


def test_a_delivery_from_a_folder(tmp_path: Path) -> None:
    share = tmp_path / "on the share"
    share.mkdir()
    (share / "pipes.csv").write_text("pipe_id\n1\n")
    result = fetch(tmp_path / "data", DELIVERY_DIR=str(share))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "data" / "pipes.csv").read_text() == "pipe_id\n1\n"


@pytest.mark.parametrize(
    ("environment", "code", "expected"),
    [
        ({}, 2, "set the variable DELIVERY_DIR or the secret DELIVERY_URL"),
        ({"DELIVERY_DIR": "/no/such/folder"}, 2, "is not a folder here"),
        ({"DELIVERY_URL": "http://127.0.0.1:9/d.zip?token=hush-7"}, 1, "could not be fetched"),
    ],
)
def test_a_delivery_that_is_not_there(
    tmp_path: Path, environment: dict[str, str], code: int, expected: str
) -> None:
    result = fetch(tmp_path / "data", **environment)
    assert result.returncode == code
    assert expected in result.stderr
    assert "hush-7" not in result.stdout + result.stderr


@pytest.fixture
def https_folder(tmp_path: Path) -> Iterator[tuple[str, Path, dict[str, str]]]:
    """A folder served over https: its address, itself, and what makes curl trust it."""
    if not (shutil.which("openssl") and shutil.which("curl")):
        pytest.skip("needs openssl and curl")
    folder, key, certificate = tmp_path / "served", tmp_path / "key.pem", tmp_path / "cert.pem"
    folder.mkdir()
    subject = "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes {subject}"
    subprocess.run(
        [*command.split(), "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("localhost", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    trusted = {"CURL_CA_BUNDLE": str(certificate), "no_proxy": "localhost"}
    yield f"https://localhost:{server.server_port}", folder, trusted
    server.shutdown()


def test_a_delivery_from_an_address(
    https_folder: tuple[str, Path, dict[str, str]], tmp_path: Path
) -> None:
    address, served, trusted = https_folder
    with zipfile.ZipFile(served / "d.zip", "w") as archive:
        archive.writestr("mains/pipes.csv", "pipe_id\n1\n")
        archive.writestr("../../climbs_out.csv", "no")
    result = fetch(tmp_path / "data", DELIVERY_URL=f"{address}/d.zip?token=hush-7", **trusted)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "data" / "mains" / "pipes.csv").read_text() == "pipe_id\n1\n"
    assert not list(tmp_path.glob("climbs_out.csv"))
    assert "hush-7" not in result.stdout + result.stderr

    (served / "not.zip").write_text("<html>log in first</html>")
    result = fetch(tmp_path / "other", DELIVERY_URL=f"{address}/not.zip", **trusted)
    assert result.returncode == 1
    assert "What DELIVERY_URL gives is not a zip file." in result.stderr
    result = fetch(tmp_path / "other", DELIVERY_URL=f"{address}/gone.zip", **trusted)
    assert result.returncode == 1
    assert "DELIVERY_URL could not be fetched" in result.stderr
