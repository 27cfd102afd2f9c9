"""Signing in: what a stolen cookie, a guess or a forged form can do, which is nothing."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cities import City
from la_pipeline_failure_predict.errors import UserError
from la_pipeline_failure_predict.portal.app import create_app
from la_pipeline_failure_predict.portal.auth import accounts, passwords
from la_pipeline_failure_predict.portal.auth.models import (
    Account,
    AuditEntry,
    Base,
    Invitation,
    SignedIn,
    db,
    now,
)
from la_pipeline_failure_predict.portal.auth.pages import is_page
from portal.conftest import ACCOUNT_ENGINES, PASSWORD, Portal
from portal.test_pages import FOR_ALL

ANA = "ana@example.org"


@pytest.fixture(params=ACCOUNT_ENGINES)
def accounts_engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def audited(portal: Portal) -> list[tuple[str, str, str]]:
    with portal.app.app_context():
        rows = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id))
        return [(row.action, row.actor, row.subject) for row in rows]


def test_an_old_cookie_is_worth_nothing_after_signing_out(portal: Portal) -> None:
    portal.add(ANA)
    browser = portal.browser()
    browser.sign_in(ANA)
    stolen = browser.cookies()["la_pipes"]
    thief = portal.browser()
    thief.client.set_cookie("la_pipes", stolen)
    assert thief.get("/").status_code == 200
    assert browser.get("/logout").status_code == 405
    assert browser.post("/logout", "/").status_code == 302
    for one in (browser, thief):
        one.client.set_cookie("la_pipes", stolen)
        assert one.get("/").headers["Location"].startswith("/login")


def test_signing_in_starts_a_new_session(portal: Portal) -> None:
    portal.add(ANA)
    browser = portal.browser()
    browser.get("/login")
    planted = browser.cookies()["la_pipes"]
    browser.sign_in(ANA)
    first = browser.cookies()["la_pipes"]
    assert first != planted
    other = portal.browser()
    other.client.set_cookie("la_pipes", planted)
    assert other.get("/").status_code == 302
    with portal.app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(SignedIn)) == 1
        (token,) = db.session.scalars(sa.select(SignedIn.token_sha256))
    assert token not in first, "the cookie does not hold what the database does"


@pytest.mark.parametrize(
    ("column", "age"),
    [("last_seen_at", timedelta(minutes=31)), ("created_at", timedelta(hours=13))],
)
def test_sessions_end_when_idle_and_at_the_latest(
    portal: Portal, column: str, age: timedelta
) -> None:
    browser = portal.signed_in("viewer")
    assert browser.get("/").status_code == 200
    with portal.app.app_context():
        db.session.execute(sa.update(SignedIn).values({column: now() - age}))
        db.session.commit()
    assert browser.get("/").status_code == 302


def test_rows_of_sessions_that_are_over_go_with_the_next_sign_in(portal: Portal) -> None:
    portal.signed_in("viewer")
    with portal.app.app_context():
        db.session.execute(sa.update(SignedIn).values(created_at=now() - timedelta(hours=13)))
        db.session.commit()
    portal.signed_in("planner")
    with portal.app.app_context():
        (left,) = db.session.scalars(sa.select(SignedIn))
        assert left.account.role == "planner"


def test_what_postgres_cannot_keep_is_refused_on_both(portal: Portal) -> None:
    browser = portal.signed_in("administrator")
    assert portal.browser().sign_in("ana\0@example.org").status_code == 400
    assert browser.get("/admin/audit?account=%00").status_code == 400
    assert browser.get("/risk?street=%00").status_code == 400
    refused = browser.post("/admin/users", email="ana\0@b.org", role="viewer", areas="all")
    assert refused.status_code == 400


def test_disabling_ends_sessions_and_keeps_from_signing_in(portal: Portal) -> None:
    browser = portal.signed_in("viewer")
    with portal.app.app_context():
        accounts.disable(accounts.get("viewer-0@example.org"))
    assert browser.get("/").status_code == 302
    assert browser.sign_in("viewer-0@example.org").status_code == 401


def test_unknown_account_and_wrong_password_get_the_same_answer(portal: Portal) -> None:
    portal.add(ANA)
    answers, seconds = [], []
    for email in (ANA, "nobody@example.org"):
        browser = portal.browser()
        start = time.process_time()
        answer = browser.sign_in(email, "wrong " * 4)
        seconds.append(time.process_time() - start)
        assert answer.status_code == 401
        answers.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert answers[0] == answers[1]
    # Both hash a password, which takes far longer than all else.
    assert max(seconds) < 3 * min(seconds)
    with portal.app.app_context():
        (known,) = db.session.scalars(sa.select(Account))
        assert str(known.password).startswith("$argon2id$")
    assert ("sign-in failed", "unknown account", "unknown account") in audited(portal)


def test_guessing_is_bounded_by_account(portal: Portal) -> None:
    portal.add(ANA)
    for attempt in range(10):
        browser = portal.browser()
        # From another address each time.
        browser.client.environ_base["REMOTE_ADDR"] = f"192.0.2.{attempt}"
        assert browser.sign_in(ANA, "wrong " * 4).status_code == 401
    assert portal.browser().sign_in(ANA).status_code == 429
    assert portal.browser().sign_in(f" {ANA.upper()}").status_code == 429
    portal.add("ben@example.org")
    assert portal.browser().sign_in("ben@example.org").status_code == 302


def test_guessing_is_bounded_by_address(portal: Portal) -> None:
    portal.add(ANA)
    browser = portal.browser()
    for attempt in range(20):
        assert browser.sign_in(f"nobody-{attempt}@example.org", "wrong").status_code == 401
    refused = browser.sign_in(ANA)
    assert refused.status_code == 429
    assert "Too many attempts" in refused.text
    elsewhere = portal.browser()
    elsewhere.client.environ_base["REMOTE_ADDR"] = "192.0.2.1"
    assert elsewhere.sign_in(ANA).status_code == 302


def test_forms_without_their_token_change_nothing(portal: Portal) -> None:
    browser = portal.signed_in("viewer")
    assert browser.client.post("/logout").status_code == 400
    assert browser.get("/").status_code == 200
    forged = {"email": "viewer-0@example.org", "password": PASSWORD, "csrf_token": "forged"}
    other = portal.browser()
    assert other.client.post("/login", data=forged).status_code == 400
    assert other.get("/").status_code == 302


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "///evil.example",
        "javascript:alert(1)",
        "risk",
    ],
)
def test_signing_in_leads_to_no_other_place(portal: Portal, following: str) -> None:
    assert not is_page(following)
    portal.add(ANA)
    browser = portal.browser()
    assert browser.sign_in(ANA, following=following).headers["Location"] == "/"


def test_signing_in_leads_on_to_the_page_that_was_asked_for(portal: Portal) -> None:
    portal.add(ANA)
    browser = portal.browser()
    asked = browser.get("/risk?area=downtown&page=2").headers["Location"]
    assert asked == "/login?next=/risk?area%3Ddowntown%26page%3D2"
    assert 'value="/risk?area=downtown&amp;page=2"' in browser.get(asked).text
    signed_in = browser.sign_in(ANA, following="/risk?area=downtown&page=2")
    assert signed_in.headers["Location"] == "/risk?area=downtown&page=2"


@pytest.mark.parametrize(
    "weak", ["short password", "a" * 40, "passwordpassword", "ana@example.org123", "x" * 129]
)
def test_weak_passwords_are_refused(portal: Portal, weak: str) -> None:
    assert passwords.fault(weak, ANA)
    with portal.app.app_context(), pytest.raises(UserError):
        accounts.add(ANA, "viewer", (), weak)


def test_an_invitation_works_once_until_it_expires(portal: Portal) -> None:
    with portal.app.app_context():
        token = accounts.invite(accounts.add(ANA, "planner"))
        (kept,) = db.session.scalars(sa.select(Invitation.token_sha256))
        assert token not in kept
    address = f"/invitation/{token}"
    browser = portal.browser()
    assert browser.sign_in(ANA, "").status_code == 401
    assert browser.post(address, password="short", again="short").status_code == 422
    assert browser.post(address, password=PASSWORD, again=PASSWORD + "x").status_code == 422
    assert browser.post(address, password=PASSWORD, again=PASSWORD).status_code == 302
    assert browser.get(address).status_code == 401
    assert browser.sign_in(ANA).status_code == 302

    with portal.app.app_context():
        token = accounts.reset(accounts.get(ANA))
        assert browser.get("/").status_code == 302, "a reset ends what was open"
        db.session.execute(sa.update(Invitation).values(expires_at=now() - timedelta(seconds=1)))
        db.session.commit()
    assert portal.browser().get(f"/invitation/{token}").status_code == 401
    assert ("password set", ANA, ANA) in audited(portal)


def test_links_cannot_be_guessed_without_end(portal: Portal) -> None:
    browser = portal.browser()
    answers = [browser.get(f"/invitation/{number}").status_code for number in range(21)]
    assert answers == [401] * 20 + [429]


def test_behind_https_the_cookie_is_for_this_host_alone(make_portal: Callable[..., Portal]) -> None:
    portal = make_portal(tls=True, hosts=("portal.example.org", "localhost"))
    portal.add(ANA)
    client = portal.app.test_client()
    page = client.get("/login", base_url="https://portal.example.org")
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("__Host-la_pipes=")
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert part in cookie
    assert "Domain" not in cookie
    assert "max-age" in page.headers["Strict-Transport-Security"]
    assert client.get("/login", base_url="https://evil.example").status_code == 400


def test_pages_take_no_script_style_or_frame_from_elsewhere(portal: Portal) -> None:
    browser = portal.signed_in("administrator")
    for address in (*FOR_ALL, "/admin/audit", "/login"):
        answer = browser.get(address)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        elsewhere = r"<style|<script(?! type=\"module\" src=\"/static/)|\sstyle=|\son\w+=|https?://"
        assert not re.search(elsewhere, answer.text), address


def test_errors_say_their_number_and_that_of_the_request_alone(portal: Portal) -> None:
    browser = portal.signed_in("viewer")
    missing = browser.get("/nothing")
    assert missing.status_code == 404
    assert missing.headers["X-Request-Id"] in missing.text
    assert browser.get("/admin/users").status_code == 403
    # What fails within is told by its number too.
    portal.app.extensions["portal_snapshots"] = None
    broken = browser.get("/")
    assert broken.status_code == 500
    assert broken.headers["X-Request-Id"] in broken.text
    assert "NoneType" not in broken.text


def test_the_first_sign_in_leads_to_how_to_read_the_pages(
    portal: Portal, areas_of: dict[str, list[str]]
) -> None:
    area = min(areas_of)
    with portal.app.app_context():
        accounts.add(ANA, "planner", (area,), PASSWORD)
    browser = portal.browser()
    address = browser.sign_in(ANA, following="/plan").headers["Location"]
    assert address == "/welcome?next=/plan"
    page = browser.get(address).text
    assert "planner: reads the pages and downloads" in page
    assert "How to read a score" in page
    assert 'href="/plan">Go on' in page
    assert 'href="/">Go on' in browser.get("/welcome?next=//evil.example").text
    again = portal.browser().sign_in(ANA, following="/plan")
    assert again.headers["Location"] == "/plan"
    assert 'href="/welcome"' in browser.get("/plan").text


def test_audit_has_who_did_what(portal: Portal) -> None:
    browser = portal.signed_in("planner")
    browser.get("/risk.csv?risk_class=high").get_data()
    browser.post("/logout", "/")
    actions = audited(portal)
    person = "planner-0@example.org"
    assert [action for action, *_ in actions] == [
        "account added",
        "signed in",
        "export",
        "signed out",
    ]
    assert {actor for _, actor, _ in actions[1:]} == {person}
    assert actions[0][1].startswith("command")
    administrator = portal.signed_in("administrator")
    assert person in administrator.get("/admin/audit").text
    assert "mains.csv, risk_class high" in administrator.get("/admin/audit").text


def test_migrations_make_the_tables_of_the_models_and_keep_accounts(portal: Portal) -> None:
    portal.add(ANA)
    engine = sa.create_engine(**portal.config.engine_options)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()
    again = Portal(create_app(portal.config), portal.config)
    assert again.browser().sign_in(ANA).status_code == 302
    kept = [portal.config.key_file]
    if portal.config.postgres:
        assert not portal.config.accounts_file.exists()
    else:
        kept.append(portal.config.accounts_file)
    for file in kept:
        assert file.stat().st_mode & 0o077 == 0, file


def test_commands_administer_accounts(duckdb_city: City, portal: Portal) -> None:
    environment = duckdb_city.environment | portal.environment
    city = City("duckdb", environment, duckdb_city.connect)
    refused = city.la_pipes("portal", "user", "invite", ANA, "--area", "atlantis")
    assert refused.exit_code == 2
    assert "no area 'atlantis'" in refused.output
    invited = city.la_pipes("portal", "user", "invite", ANA, "--role", "planner")
    assert invited.exit_code == 0, invited.output
    token = invited.output.strip().rpartition("/")[2]
    browser = portal.browser()
    address = f"/invitation/{token}"
    assert browser.post(address, password=PASSWORD, again=PASSWORD).status_code == 302
    assert browser.sign_in(ANA).status_code == 302
    assert "planner" in city.la_pipes("portal", "user", "list").output
    assert city.la_pipes("portal", "user", "change", ANA).exit_code == 2
    changed = city.la_pipes("portal", "user", "change", ANA, "--role", "administrator")
    assert changed.exit_code == 0, changed.output
    last = city.la_pipes("portal", "user", "disable", ANA)
    assert last.exit_code == 2
    assert "last administrator who can sign in: add another one first" in last.output
    portal.add("ben@example.org", "administrator")
    assert "Ended 1 session." in city.la_pipes("portal", "sessions", "revoke", ANA).output
    assert browser.get("/").status_code == 302
    assert city.la_pipes("portal", "sessions", "revoke").exit_code == 2
    assert city.la_pipes("portal", "user", "invite", ANA).exit_code == 2
    portal.give_second_factor(ANA)
    said = city.la_pipes("portal", "user", "reset", ANA).output
    assert f"The second factor of {ANA} is taken away too." in said
    assert "second factor" not in city.la_pipes("portal", "user", "reset", ANA).output
    assert city.la_pipes("portal", "user", "disable", ANA).exit_code == 0
    assert browser.sign_in(ANA).status_code == 401
    logs = list(Path(duckdb_city.environment["LA_PIPES_LOG_DIR"]).glob("*.log"))
    assert logs
    assert not any(token in log.read_text() for log in logs)


def test_serve_answers_until_it_is_stopped(duckdb_city: City, portal: Portal) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | duckdb_city.environment | portal.environment
    command = [sys.executable, "-m", "la_pipeline_failure_predict.cli", "portal", "serve"]
    server = subprocess.Popen(
        [*command, "--port", str(port)], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        assert "la-pipes portal user add" in server.stdout.readline()
        assert f"http://127.0.0.1:{port}" in server.stdout.readline()
        answer = requests.get(f"http://127.0.0.1:{port}/", timeout=10)
        assert answer.url.endswith("/login")
        assert answer.status_code == 200
        assert "Server" not in answer.headers
        elsewhere = requests.get(
            f"http://127.0.0.1:{port}/login", headers={"Host": "evil.example"}, timeout=10
        )
        assert elsewhere.status_code == 400
        busy = City("duckdb", {**environment}, duckdb_city.connect)
        refused = busy.la_pipes("portal", "serve", "--port", port)
        assert refused.exit_code == 2
        assert "--host and --port" in refused.output
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 0
