"""The log of a run holds no secret, wherever it would come from."""

import logging
from contextlib import closing, suppress
from pathlib import Path

import pytest

from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.runlog import LogFile, start_logging
from la_pipeline_failure_predict.settings import give_home


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


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "obstacle").write_text("not a folder")
    with pytest.raises(UserError, match="LA_PIPES_LOG_DIR"):
        start_logging(tmp_path / "obstacle" / "logs", verbose=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_does_not_fill_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    with suppress(OSError), closing(LogFile("/dev/full")) as log:
        log.emit(logging.LogRecord("x", logging.INFO, __file__, 1, "a line", None, None))
    assert capsys.readouterr().err == ""


def test_caches_stay_in_the_project_without_a_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container's user may have no home, or one that does not exist."""
    monkeypatch.setenv("HOME", str(tmp_path))
    give_home(tmp_path / "project")
    assert Path.home() == tmp_path
    monkeypatch.setenv("HOME", "/nonexistent")
    give_home(tmp_path / "project")
    assert Path.home().is_relative_to(tmp_path / "project")
