"""The profile: what somebody changes about the own account, and nobody else can."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import g

from la_pipeline_failure_predict.portal.auth import accounts
from la_pipeline_failure_predict.portal.auth.models import SignedIn, db, now
from la_pipeline_failure_predict.portal.views import words
from portal.conftest import ACCOUNT_ENGINES, PASSWORD, Browser, Portal

ANA = "ana@example.org"
BEN = "ben@example.org"
NEW = "eleven blue ladders sing at dusk"
FEET = r"\d (ft|mi|in(?! the))\b|per 100 miles"
METERS = r"\d (m|km|mm)\b|per 100 km"
SESSION = re.compile(r'name="session" value="([0-9a-f]{64})"')
FORMS = {
    "/profile/password": {"current": PASSWORD, "password": NEW, "again": NEW},
    "/profile/units": {"units": "feet"},
    "/profile/sessions/end": {"session": "0" * 64},
    "/profile/second-factor": {"secret": "x", "code": "000000", "current": PASSWORD},
    "/profile/second-factor/off": {"current": PASSWORD},
    "/profile/recovery-codes": {"current": PASSWORD},
}


@pytest.fixture(params=ACCOUNT_ENGINES)
def accounts_engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def signed_in(portal: Portal, email: str, address: str = "127.0.0.1") -> Browser:
    browser = portal.browser()
    browser.client.environ_base["REMOTE_ADDR"] = address
    assert browser.sign_in(email).status_code == 302
    return browser


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/profile").status_code == 200


@pytest.mark.parametrize("address", FORMS)
def test_every_form_needs_its_token(portal: Portal, address: str) -> None:
    browser = portal.signed_in("viewer")
    assert browser.client.post(address, data=FORMS[address]).status_code == 400
    forged = FORMS[address] | {"csrf_token": "forged"}
    assert browser.client.post(address, data=forged).status_code == 400
    assert is_signed_in(browser)
    assert portal.browser().sign_in("viewer-0@example.org").headers["Location"] == "/"


def test_forms_cover_all_that_the_profile_changes(portal: Portal) -> None:
    changing = {
        rule.rule
        for rule in portal.app.url_map.iter_rules()
        if rule.endpoint.startswith("profile.") and "POST" in (rule.methods or ())
    }
    assert changing == set(FORMS)


def test_another_password_takes_the_one_of_now_and_ends_other_sessions(portal: Portal) -> None:
    portal.add(ANA)
    browser, other = signed_in(portal, ANA), signed_in(portal, ANA)
    stolen = browser.cookies()["la_pipes"]
    for current, password, again, status in (
        ("wrong " * 4, NEW, NEW, 401),
        ("", NEW, NEW, 401),
        (PASSWORD, NEW, NEW + "x", 422),
        (PASSWORD, "short", "short", 422),
        (PASSWORD, "passwordpassword", "passwordpassword", 422),
    ):
        fields = {"current": current, "password": password, "again": again}
        answer = browser.post("/profile/password", "/profile", **fields)
        assert answer.status_code == status, fields
        assert 'role="alert"' in answer.text
    assert is_signed_in(other)
    fields = {"current": PASSWORD, "password": NEW, "again": NEW}
    assert browser.post("/profile/password", "/profile", **fields).status_code == 302
    assert "The password is changed" in browser.get("/profile").text
    assert not is_signed_in(other)
    thief = portal.browser()
    thief.client.set_cookie("la_pipes", stolen)
    assert not is_signed_in(thief)
    assert portal.browser().sign_in(ANA).status_code == 401
    assert portal.browser().sign_in(ANA, NEW).status_code == 302


def test_own_sessions_are_listed_and_end_one_by_one(portal: Portal) -> None:
    portal.add(ANA)
    portal.add(BEN)
    here, there = signed_in(portal, ANA), signed_in(portal, ANA, "192.0.2.7")
    foreign = signed_in(portal, BEN, "192.0.2.8")
    page = here.get("/profile").text
    assert "192.0.2.7" in page
    assert "192.0.2.8" not in page
    assert page.count("this one") == 1
    (session,) = SESSION.findall(page)
    foreign.post("/profile/sessions/end", "/profile", session=session)
    assert is_signed_in(there), "the session of another account does not end"
    here.post("/profile/sessions/end", "/profile", session=session)
    assert not is_signed_in(there)
    assert is_signed_in(here)
    assert is_signed_in(foreign)

    signed_in(portal, ANA, "192.0.2.9")
    with portal.app.app_context():
        old = SignedIn.address == "192.0.2.9"
        late = now() - timedelta(minutes=31)
        db.session.execute(sa.update(SignedIn).where(old).values(last_seen_at=late))
        db.session.commit()
    assert "192.0.2.9" not in here.get("/profile").text, "what is over is not open"


@pytest.mark.parametrize(
    ("units", "shown", "hidden"),
    [
        ("", r"\d (ft|mi|in) \([\d,.]+ (m|km|mm)\)", "neither"),
        ("feet", FEET, METERS),
        ("meters", METERS, FEET),
    ],
)
def test_pages_are_in_the_units_of_the_account(
    portal: Portal, areas_of: dict[str, list[str]], units: str, shown: str, hidden: str
) -> None:
    browser = portal.signed_in("planner")
    assert browser.post("/profile/units", "/profile", units=units).status_code == 302
    addresses = ("/", "/risk", "/plan", f"/pipe/{areas_of[min(areas_of)][0]}")
    for address in addresses:
        text = browser.get(address).text
        assert re.search(shown, text), address
        assert not re.search(hidden, text), address
    assert browser.post("/profile/units", "/profile", units="cubits").status_code == 302
    assert re.search(r"\d ft \([\d,]+ m\)", browser.get("/risk").text)


def test_sentences_of_the_warehouse_follow_the_choice(portal: Portal) -> None:
    portal.add(ANA)
    said = "2 breaks within 100 m in 3 years (x5.2); 200 mm wide; Over 200 to 400 mm; 30 mains"
    with portal.app.test_request_context():
        g.account = accounts.get(ANA)
        assert (words.sentence(said), words.sentence(None)) == (said, "")
        g.account.units = "feet"
        assert words.sentence(said) == (
            "2 breaks within 328 ft in 3 years (x5.2); 8 in wide; Over 8 to 16 in; 30 mains"
        )
