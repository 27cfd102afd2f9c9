"""The doctor of the portal: what is missing is named with its remedy, and the remedy works."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from cities import City
from la_pipeline_failure_predict.portal.auth import accounts
from la_pipeline_failure_predict.portal.auth.database import connect
from la_pipeline_failure_predict.portal.config import PortalConfig
from la_pipeline_failure_predict.portal.data.store import Store
from la_pipeline_failure_predict.portal.doctor import examine
from portal.conftest import ACCOUNT_ENGINES, Portal

ANA = "ana@example.org"


@pytest.fixture(params=ACCOUNT_ENGINES)
def accounts_engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def healthy(portal: Portal) -> Portal:
    """A portal that is missing nothing."""
    portal.config.folder.chmod(0o700)
    portal.add(ANA, "administrator")
    return portal


def missing(config: PortalConfig, proxy: str | None = None) -> list[str]:
    return [finding.what for finding in examine(config, proxy) if not finding.is_fine]


def test_a_portal_that_is_right_is_told_so(healthy: Portal) -> None:
    before = sorted(healthy.config.folder.rglob("*"))
    findings = list(examine(healthy.config, None))
    assert [finding for finding in findings if not finding.is_fine] == []
    said = " ".join(finding.what for finding in findings)
    for words in ("can be written", "owner's alone", "up to date", ANA, "is whole", "0 days ago"):
        assert words in said
    assert "sets a second factor up" in said
    left = {path for path in healthy.config.folder.rglob("*") if "-wal" not in path.name}
    assert {path for path in left if "-shm" not in path.name} <= set(before)


def test_an_empty_place_is_missing_everything(duckdb_city: City, tmp_path: Path) -> None:
    folder = tmp_path / "nothing" / "portal"
    environment = duckdb_city.environment | {"LA_PIPES_PORTAL_DIR": str(folder)}
    result = City("duckdb", environment, duckdb_city.connect).la_pipes("portal", "doctor")
    assert result.exit_code == 1
    told = " ".join(result.output.split())
    assert told.count("missing ") == 4
    for words in ("no folder", "no key", "no accounts", "la-pipes portal publish"):
        assert words in told
    assert not folder.exists()


def test_what_others_may_read_is_missing(healthy: Portal) -> None:
    healthy.config.folder.chmod(0o750)
    healthy.config.key_file.chmod(0o640)
    told = missing(healthy.config)
    assert [sentence.rpartition(": ")[2] for sentence in told] == [
        f"chmod 700 {healthy.config.folder}.",
        f"chmod 600 {healthy.config.key_file}.",
    ]


def test_an_administrator_who_cannot_sign_in_is_none(healthy: Portal) -> None:
    with healthy.app.app_context():
        accounts.reset(accounts.get(ANA))
    (told,) = missing(healthy.config)
    assert "No administrator can sign in: la-pipes portal user add" in told
    healthy.add("ben@example.org", "administrator")
    assert missing(healthy.config) == []


def test_tables_of_an_older_version_are_told(healthy: Portal) -> None:
    with connect(healthy.config) as connection:
        connection.execute(sa.text("update alembic_version set version_num = '0001'"))
    (told,) = missing(healthy.config)
    assert "version 0001 of their tables" in told
    assert "la-pipes portal user list" in told


def test_a_spoiled_snapshot_is_told(healthy: Portal) -> None:
    store = Store(healthy.config.folder)
    manifest = store.current()
    assert manifest is not None
    file = store.database(manifest.snapshot_id)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    (told,) = missing(healthy.config)
    assert f"{manifest.snapshot_id} is not what was published" in told
    file.with_name("manifest.json").write_text(json.dumps({"format": 99}))
    (told,) = missing(healthy.config)
    assert "No snapshot is published that can be read: la-pipes portal publish" in told


@pytest.mark.parametrize(
    ("tls", "hosts", "proxy", "said"),
    [
        (False, (), None, ""),
        (True, ("mains.example.org",), "127.0.0.1", ""),
        (True, (), "127.0.0.1", "LA_PIPES_PORTAL_HOSTS"),
        (True, ("mains.example.org",), None, "LA_PIPES_PORTAL_PROXY"),
        (False, ("mains.example.org",), None, "LA_PIPES_PORTAL_TLS=true"),
        (False, (), "127.0.0.1", "LA_PIPES_PORTAL_TLS=true"),
    ],
)
def test_settings_that_do_not_go_together_are_told(
    healthy: Portal, tls: bool, hosts: tuple[str, ...], proxy: str | None, said: str
) -> None:
    config = replace(healthy.config, tls=tls, hosts=("localhost", *hosts))
    told = missing(config, proxy)
    assert len(told) == (1 if said else 0)
    assert said in " ".join(told)


def test_accounts_that_are_spoiled_or_away_are_told(
    make_portal: Callable[..., Portal], accounts_engine: str
) -> None:
    portal = make_portal()
    portal.config.folder.chmod(0o700)
    if accounts_engine == "sqlite":
        for file in portal.config.folder.glob("accounts.sqlite-*"):
            file.unlink()
        portal.config.accounts_file.write_bytes(b"no database " * 500)
        config = portal.config
    else:
        assert portal.config.postgres
        away = portal.config.postgres.set(query={"host": "127.0.0.1", "port": "1"})
        config = replace(portal.config, postgres=away)
    (told,) = missing(config)
    assert told.startswith("Cannot use the accounts at ")
