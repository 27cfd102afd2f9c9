"""The log of a run holds no secret, wherever it would come from."""

import logging
from pathlib import Path

import pytest

from la_pipeline_failure_predict.runlog import start_logging


def test_no_secret_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_ENV_SECRET_LA_PIPES_POSTGRES_PASSWORD", "open/sesame")
    file = start_logging(tmp_path, verbose=False)
    log = logging.getLogger("la_pipeline_failure_predict.test")
    log.info("connecting with %s", "open/sesame")
    try:
        raise ValueError("cannot reach postgresql://me:open%2Fsesame@host (open/sesame)")
    except ValueError:
        log.exception("unexpected")
    text = file.read_text(encoding="utf-8")
    assert "sesame" not in text
    assert "connecting with *****" in text
    assert "me:*****@host" in text
