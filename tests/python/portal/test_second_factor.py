"""The second factor: a password alone, an old code or another's code opens nothing."""

import re
import time

import pyotp
import pytest
import sqlalchemy as sa

from la_pipeline_failure_predict.portal.auth import accounts, second_factor
from la_pipeline_failure_predict.portal.auth.models import Account, AuditEntry, RecoveryCode, db
from portal.conftest import ACCOUNT_ENGINES, PASSWORD, Browser, Portal

ANA = "ana@example.org"
BEN = "ben@example.org"
CODES = re.compile(r"<li><code>([A-Z2-7-]+)</code>")
SECRET = re.compile(r'name="secret" value="([^"]+)"')


@pytest.fixture(params=ACCOUNT_ENGINES)
def accounts_engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def code_of(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(int(time.time()) + steps * 30)


@pytest.fixture
def steady_clock(monkeypatch: pytest.MonkeyPatch) -> float:
    """The middle of a step of time, so that no test runs across two of them."""
    moment = time.time() // 30 * 30 + 15
    monkeypatch.setattr(time, "time", lambda: moment)
    return moment


def half_signed_in(portal: Portal, email: str = ANA) -> Browser:
    browser = portal.browser()
    answer = browser.sign_in(email, following="/plan")
    assert answer.headers["Location"] == "/login/code?next=/plan"
    return browser


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/plan").status_code == 200


def an_address(rule: str) -> str:
    """Fill the gaps of a rule: the first of some words, or a number."""
    return re.sub(r"<(?:any\((\w+)[^>]*|[^>]*)>", lambda gap: gap[1] or "1", rule)


def set_up(portal: Portal, browser: Browser) -> tuple[str, list[str]]:
    """Set the second factor up on its page; returns the secret and the recovery codes."""
    page = browser.get("/profile/second-factor").text
    sealed = SECRET.findall(page)[0]
    with portal.app.app_context():
        owner = db.session.scalars(sa.select(Account)).one()
        secret = second_factor.secret_of(owner, sealed)
    assert secret
    shown = browser.post(
        "/profile/second-factor", secret=sealed, code=code_of(secret), current=PASSWORD
    )
    assert shown.status_code == 200
    return secret, CODES.findall(shown.text)


def test_a_password_alone_opens_nothing(portal: Portal, steady_clock: float) -> None:
    portal.add(ANA)
    secret = portal.give_second_factor(ANA)
    browser = half_signed_in(portal)
    for address in ("/", "/risk", "/risk.csv", "/profile", "/admin/users", "/nothing"):
        assert browser.get(address).headers["Location"].startswith("/login"), address
    answer = browser.post("/login/code", code=code_of(secret), next="/plan")
    assert answer.headers["Location"] == "/plan"
    assert is_signed_in(browser)


@pytest.mark.parametrize("drift", [-1, 0, 1])
def test_a_code_is_taken_a_step_off_and_once(
    portal: Portal, steady_clock: float, drift: int
) -> None:
    portal.add(ANA)
    code = code_of(portal.give_second_factor(ANA), drift)
    first, second = half_signed_in(portal), half_signed_in(portal)
    spaced = f" {code[:3]} {code[3:]} "
    assert first.post("/login/code", code=spaced).status_code == 302
    assert second.post("/login/code", code=code).status_code == 401
    assert is_signed_in(first)
    assert not is_signed_in(second)


def test_an_earlier_code_is_worth_nothing_after_a_later_one(
    portal: Portal, steady_clock: float
) -> None:
    portal.add(ANA)
    secret = portal.give_second_factor(ANA)
    assert half_signed_in(portal).post("/login/code", code=code_of(secret)).status_code == 302
    late = half_signed_in(portal)
    assert late.post("/login/code", code=code_of(secret, -1)).status_code == 401
    assert late.post("/login/code", code=code_of(secret, 1)).status_code == 302


@pytest.mark.parametrize("wrong", ["", "000", "abcdef", "１２３４５６", "AAAA-BBBB", "9" * 400])
def test_wrong_codes_get_the_same_answer(portal: Portal, steady_clock: float, wrong: str) -> None:
    portal.add(ANA)
    portal.give_second_factor(ANA)
    browser = half_signed_in(portal)
    answer = browser.post("/login/code", code=wrong)
    assert answer.status_code == 401
    assert "The code is wrong, or it was used before." in answer.text
    assert not is_signed_in(browser)


@pytest.mark.parametrize("steps", [-2, 2, 10_000])
def test_codes_of_other_times_and_accounts_are_wrong(
    portal: Portal, steady_clock: float, steps: int
) -> None:
    portal.add(ANA)
    portal.add(BEN)
    secret, other = portal.give_second_factor(ANA), portal.give_second_factor(BEN)
    browser = half_signed_in(portal)
    assert browser.post("/login/code", code=code_of(secret, steps)).status_code == 401
    assert browser.post("/login/code", code=code_of(other)).status_code == 401


def test_guessing_codes_is_bounded_with_guessing_passwords(
    portal: Portal, steady_clock: float
) -> None:
    portal.add(ANA)
    portal.give_second_factor(ANA)
    for attempt in range(10):
        browser = portal.browser()
        browser.client.environ_base["REMOTE_ADDR"] = f"192.0.2.{attempt}"
        if attempt % 2:
            assert browser.sign_in(ANA, "wrong " * 4).status_code == 401
        else:
            browser.sign_in(ANA)
            assert browser.post("/login/code", code="000000").status_code == 401
    assert browser.sign_in(ANA).status_code == 429
    elsewhere = portal.browser()
    assert elsewhere.sign_in(ANA).status_code == 429
    # The half-finished sign-in of another account is no way round the bound of this one.
    portal.add(BEN)
    portal.give_second_factor(BEN)
    other = half_signed_in(portal, BEN)
    assert other.sign_in(ANA).status_code == 429


def test_what_the_password_opened_is_over_when_it_changes(
    portal: Portal, steady_clock: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.add(ANA)
    code = code_of(portal.give_second_factor(ANA))
    late, changed, disabled = (half_signed_in(portal) for _ in range(3))
    with monkeypatch.context() as later:
        later.setattr(time, "time", lambda: steady_clock + 601)
        assert late.get("/login/code").headers["Location"].startswith("/login?")
    with portal.app.app_context():
        accounts.set_password(accounts.get(ANA), PASSWORD[::-1])
        db.session.commit()
    assert changed.get("/login/code").status_code == 302
    with portal.app.app_context():
        accounts.disable(accounts.get(ANA))
    assert disabled.client.post("/login/code", data={"code": code}).status_code in (302, 400)
    assert not is_signed_in(disabled)


def test_a_planted_cookie_is_not_the_one_that_is_signed_in(
    portal: Portal, steady_clock: float
) -> None:
    portal.add(ANA)
    secret = portal.give_second_factor(ANA)
    browser = half_signed_in(portal)
    planted = browser.cookies()["la_pipes"]
    browser.post("/login/code", code=code_of(secret))
    assert browser.cookies()["la_pipes"] != planted
    thief = portal.browser()
    thief.client.set_cookie("la_pipes", planted)
    assert not is_signed_in(thief)


def test_administrators_see_nothing_before_it_is_set_up(
    portal: Portal, areas_of: dict[str, list[str]], steady_clock: float
) -> None:
    portal.add(ANA, "administrator")
    browser = portal.browser()
    browser.sign_in(ANA)
    open_to_all = {"static", "auth.login", "auth.code", "auth.invitation", "profile.second_factor"}
    rules = [rule for rule in portal.app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    addresses = {rule.endpoint: an_address(rule.rule) for rule in rules}
    assert {"pages.risk_export", "pages.pipe", "admin.users", "profile.show"} <= set(addresses)
    addresses["a main"] = f"/pipe/{areas_of[min(areas_of)][0]}"
    for endpoint in set(addresses) - open_to_all:
        answer = browser.get(addresses[endpoint])
        assert answer.headers.get("Location") == "/profile/second-factor", endpoint
    assert browser.get("/tiles/8/40/98").headers["Location"] == "/profile/second-factor"
    page = browser.get("/profile/second-factor").text
    assert "/risk" not in page
    assert re.search(r'<img src="data:image/svg\+xml', page)
    _, codes = set_up(portal, browser)
    assert len(set(codes)) == 10
    assert browser.get("/admin/users").status_code == 200
    # Whoever becomes an administrator has to set it up, in the session that is open.
    assert browser.post("/profile/second-factor/off", "/profile", current=PASSWORD)
    assert browser.get("/").headers["Location"] == "/profile/second-factor"
    assert browser.post("/logout", "/profile/second-factor").status_code == 302


def test_setting_it_up_takes_the_password_and_a_code(portal: Portal, steady_clock: float) -> None:
    portal.add(ANA)
    portal.add(BEN)
    browser, other = portal.browser(), portal.browser()
    browser.sign_in(ANA)
    other.sign_in(ANA)
    sealed = SECRET.findall(browser.get("/profile/second-factor").text)[0]
    with portal.app.app_context():
        ana, ben = accounts.get(ANA), accounts.get(BEN)
        code = code_of(str(second_factor.secret_of(ana, sealed)))
        foreign = second_factor.offer(ben)
        foreign_code = code_of(str(second_factor.secret_of(ben, foreign)))
    fields = {"secret": sealed, "code": code, "current": PASSWORD}
    for wrong, status in (
        ({"current": "wrong " * 4}, 401),
        ({"code": "000000"}, 401),
        ({"secret": foreign, "code": foreign_code}, 400),
        ({"secret": "A" * 32}, 400),
    ):
        answer = browser.post("/profile/second-factor", **(fields | wrong))
        assert answer.status_code == status, wrong
    stolen = browser.cookies()["la_pipes"]
    assert browser.post("/profile/second-factor", **fields).status_code == 200
    assert not is_signed_in(other), "sessions that began with the password alone end"
    thief = portal.browser()
    thief.client.set_cookie("la_pipes", stolen)
    assert not is_signed_in(thief)
    assert is_signed_in(browser)
    # The code that proved it is used up, and the secret is not in the database.
    again = half_signed_in(portal)
    assert again.post("/login/code", code=code).status_code == 401
    with portal.app.app_context():
        kept = accounts.get(ANA).otp_secret
        assert kept
        assert str(second_factor.secret_of(accounts.get(ANA), kept)) not in kept


def test_recovery_codes_work_once_each(portal: Portal, steady_clock: float) -> None:
    portal.add(ANA)
    browser = portal.browser()
    browser.sign_in(ANA)
    _, codes = set_up(portal, browser)
    typed = codes[0].lower().replace("-", " ")
    assert half_signed_in(portal).post("/login/code", code=typed).status_code == 302
    assert half_signed_in(portal).post("/login/code", code=codes[0]).status_code == 401
    assert "9 recovery codes are left" in browser.get("/profile").text
    with portal.app.app_context():
        kept = list(db.session.scalars(sa.select(RecoveryCode.code_sha256)))
        assert len(kept) == 9
        assert not set(kept) & set(codes)
        details = set(db.session.scalars(sa.select(AuditEntry.detail)))
    assert "password and recovery code" in details

    assert browser.post("/profile/recovery-codes", "/profile", current="x").status_code == 401
    renewed = browser.post("/profile/recovery-codes", "/profile", current=PASSWORD)
    new = CODES.findall(renewed.text)
    assert len(new) == 10
    assert not set(new) & set(codes)
    assert half_signed_in(portal).post("/login/code", code=codes[1]).status_code == 401
    assert half_signed_in(portal).post("/login/code", code=new[1]).status_code == 302


def test_turning_it_off_takes_the_password(portal: Portal, steady_clock: float) -> None:
    portal.add(ANA)
    browser = portal.browser()
    browser.sign_in(ANA)
    set_up(portal, browser)
    assert browser.post("/profile/second-factor/off", "/profile", current="x").status_code == 401
    assert (
        browser.client.post("/profile/second-factor/off", data={"current": PASSWORD}).status_code
        == 400
    )
    half_signed_in(portal)
    assert browser.post("/profile/second-factor/off", "/profile", current=PASSWORD)
    assert portal.browser().sign_in(ANA).headers["Location"] == "/"
    with portal.app.app_context():
        assert not db.session.scalar(sa.select(sa.func.count()).select_from(RecoveryCode))


def test_asking_for_the_password_is_bounded_too(portal: Portal) -> None:
    browser = portal.signed_in("viewer")
    for _ in range(10):
        answer = browser.post("/profile/second-factor/off", "/profile", current="wrong")
        assert answer.status_code == 401
    refused = browser.post("/profile/second-factor/off", "/profile", current=PASSWORD)
    assert refused.status_code == 429


def test_a_reset_takes_it_away(portal: Portal) -> None:
    portal.add(ANA)
    portal.give_second_factor(ANA)
    with portal.app.app_context():
        token = accounts.reset(accounts.get(ANA))
        assert not accounts.get(ANA).has_second_factor
    browser = portal.browser()
    browser.post(f"/invitation/{token}", password=PASSWORD, again=PASSWORD)
    assert browser.sign_in(ANA).headers["Location"] == "/"


def test_with_another_key_the_recovery_codes_still_work(
    portal: Portal, steady_clock: float
) -> None:
    portal.add(ANA)
    browser = portal.browser()
    browser.sign_in(ANA)
    secret, codes = set_up(portal, browser)
    portal.app.config["SECRET_KEY"] = "another key " * 4
    assert half_signed_in(portal).post("/login/code", code=code_of(secret, 1)).status_code == 401
    assert half_signed_in(portal).post("/login/code", code=codes[0]).status_code == 302
