"""A portal, and a command line that does not wait for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cities import ROOT
from la_pipeline_failure_predict.cli import main
from remote.portal import Portal


@pytest.fixture
def portal() -> Iterator[Portal]:
    """A data portal on loopback."""
    server = Portal()
    yield server
    server.close()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Settings of a user who has no patience."""
    return {
        "LA_PIPES_PROJECT_DIR": str(ROOT),
        "LA_PIPES_LOG_DIR": str(tmp_path / "logs"),
        "LA_PIPES_HTTP_RETRIES": "2",
        "LA_PIPES_HTTP_TIMEOUT_S": "1",
        "NO_PROXY": "*",
    }


@pytest.fixture
def fetch(tmp_path: Path, environment: dict[str, str]) -> Callable[..., Result]:
    """Run la-pipes download into a folder of the test."""

    def run(*words: str, **settings: str) -> Result:
        arguments = ["download", *words, "--to", str(tmp_path / "raw")]
        return CliRunner().invoke(main, arguments, env=environment | settings)

    return run
